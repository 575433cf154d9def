#!/bin/bash
# Installs the Debian packages that are missing: `install-deps.sh build`, `... build run test`.
# Asks for nothing and says what it installs; uses sudo when not root. NO_INSTALL=1: does nothing.
set -euo pipefail

declare -A packages=(
    [build]="gcc libc6-dev make pkg-config protobuf-c-compiler libprotobuf-c-dev libnats-dev
        libcivetweb-dev libcjson-dev libjwt-dev libargon2-dev libsqlite3-dev libutf8proc-dev
        libgd-dev libssl-dev libmongoc-dev libbson-dev"
    [run]="nats-server"
    [test]="git curl libcmocka-dev python3 python3-pytest python3-pytest-xdist
        python3-websocket python3-requests python3-jwt
        python3-protobuf protobuf-compiler python3-pil python3-selenium chromium chromium-driver
        sqlite3 maven default-jre-headless"
    [lint]="clang-format clang-tidy cppcheck"
    [compose]="docker.io docker-compose debootstrap iptables"
)

# Before 20.10, node has no WebSocket of its own; a newer one may come from elsewhere than Debian.
node=$(dpkg-query -W -f='${Version}' nodejs 2>/dev/null || true)
dpkg --compare-versions "$node" ge 20.10 2>/dev/null || packages[test]+=" nodejs node-ws"

[ "${NO_INSTALL:-0}" = 1 ] && exit 0
missing=()
for set in "$@"; do
    for package in ${packages[$set]}; do
        # One that another package provides (a compiler of one's own) is not asked for here.
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing+=("$package")
    done
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "install-deps: this is not Debian; install by hand: ${missing[*]}" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
        echo "install-deps: run this as root, or allow sudo without a password: apt-get install" \
            "${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo -n)
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    echo "install-deps: apt-get failed:" >&2
    tail -n 20 "$log" >&2
    exit 1
fi
