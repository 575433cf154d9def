#!/bin/bash
# Runs a command with TEST_STORE_URLS naming a MongoDB server: the one of MONGODB_URI, else a mongod
# of this machine, else the server of tests/mongo-server. Exit status 77: there is none.
set -uo pipefail
cd "$(dirname "$0")/.."
directory=$(mktemp -d)
server=
finish() {
    [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
    rm -rf "$directory"
}
trap finish EXIT

if [ -n "${MONGODB_URI:-}" ]; then
    url=${MONGODB_URI%/}
else
    port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    url=mongodb://127.0.0.1:$port
    if command -v mongod >/dev/null; then
        mongod --dbpath "$directory" --bind_ip 127.0.0.1 --port "$port" >"$directory/log" 2>&1 &
    elif why=$(tests/mongo-server/build.sh); then
        build/mongo-server/mongo-server -listen "127.0.0.1:$port" -directory "$directory" >"$directory/log" 2>&1 &
    else
        echo "no MongoDB: neither MONGODB_URI, nor mongod, nor a stand-in: $why"
        exit 77
    fi
    server=$!
    for ((i = 0; i < 1200; i++)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
        kill -0 $server 2>/dev/null || { cat "$directory/log"; exit 1; }
        sleep 0.05 # bounded: a poll for the port
    done
fi
TEST_STORE_URLS="$url/{id}" "$@"
