#!/bin/bash
# Makes build/mongo-server/mongo-server, unless it is up to date. Exit status 1: impossible, with the reason.
set -euo pipefail
cd "$(dirname "$0")"
out=$(cd ../.. && pwd)/build/mongo-server

for command in java mvn; do
    command -v $command >/dev/null || { echo "there is no $command (Debian: default-jre-headless, maven)"; exit 1; }
done
rm -f "$out" 2>/dev/null || true # a file of this name may be left from an earlier build
mkdir -p "$out"
exec 9>"$out/lock"
flock 9 # several test runs may build it at once
cat pom.xml Main.java build.sh | cmp -s - "$out/made-from" && exit 0

rm -rf "$out/lib" "$out/classes"
if ! mvn -B -q dependency:copy-dependencies "-DoutputDirectory=$out/lib" >"$out/log" 2>&1; then
    echo "Maven cannot fetch the server for MongoDB's protocol: $(grep -m1 ERROR "$out/log")"
    exit 1
fi
java -jar "$out"/lib/ecj-*.jar -17 -proc:none -cp "$(printf "%s:" "$out"/lib/*.jar)" -d "$out/classes" Main.java >"$out/log" 2>&1 || {
    cat "$out/log"
    exit 1
}
rm "$out"/lib/ecj-*.jar
cat >"$out/mongo-server" <<'END'
#!/bin/sh
here=$(dirname "$0")
exec java -Xmx512m -XX:+UseSerialGC -cp "$here/classes:$here/lib/*" Main "$@"
END
chmod +x "$out/mongo-server"
cat pom.xml Main.java build.sh >"$out/made-from"
