#!/bin/bash
# Builds the fuzz programs with sanitisers and runs each on its seeds and on mutations of them:
#   tests/fuzz/run.sh [program...]     e.g. tests/fuzz/run.sh fuzz_json
# With clang they are libFuzzer programs, else gcc's, driven by standalone.c.
#   SCALE=10 tests/fuzz/run.sh         ten times as many inputs
#   SEED=7 tests/fuzz/run.sh           other inputs
# An input that fails stays in build/<variant>/fuzz: give it to the program as an argument.
set -euo pipefail
cd "$(dirname "$0")/../.."
scale=${SCALE:-1} seed=${SEED:-1}

# A clang that has libFuzzer with it, or nothing.
find_libfuzzer() {
    local candidate
    for candidate in clang $(compgen -c clang- | grep -E '^clang-[0-9]+$' | sort -ru); do
        echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' |
            "$candidate" -fsanitize=fuzzer,address -x c - -o /dev/null 2>/dev/null &&
            echo "$candidate" && return
    done
    return 0
}

clang=$(find_libfuzzer)
if [ -n "$clang" ]; then
    cc=$clang san=fuzzer-no-link,address,undefined link=fuzzer,address,undefined driver=
else
    cc=gcc san=address,undefined link=address,undefined driver=tests/fuzz/standalone.c
fi
out=build/${san//,/-}
archives=("$out"/lib/{gateway,message,user,common}.a)
libs=${LIBS:-$(sed -n 's/^LIBS := //p' Makefile)}
flags="-std=c11 -D_POSIX_C_SOURCE=200809L -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
    -Wall -Wextra -Wshadow -Wconversion -Werror -I. -isystem build/gen"

make --no-print-directory CC="$cc" SAN=$san "${archives[@]}"
mkdir -p "$out/fuzz"
[ $# -gt 0 ] || set -- fuzz_json fuzz_http fuzz_ws fuzz_send_request fuzz_avatar
for name in "$@"; do
    case $name in
    fuzz_avatar) rounds=$((10000 * scale)) ;;
    *) rounds=$((500000 * scale)) ;;
    esac
    # shellcheck disable=SC2086 # flags and libs are lists
    "$cc" $flags -fsanitize=$link "tests/fuzz/$name.c" $driver \
        -Wl,--start-group "${archives[@]}" -Wl,--end-group $libs -o "$out/fuzz/$name"
    if [ -n "$clang" ]; then
        args=(-runs=$rounds -seed="$seed" -max_len=65536)
    else
        args=(-n $rounds -s "$seed")
    fi
    # libpng has its own opinion of damaged files, line by line.
    if ! (cd "$out/fuzz" && ./"$name" "${args[@]}" >"$name.log" 2>&1); then
        grep -v '^libpng warning' "$out/fuzz/$name.log" | tail -n 40
        echo "$name: FAILED"
        exit 1
    fi
    echo "$name: $rounds inputs, all properties hold"
done
