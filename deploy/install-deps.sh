#!/bin/bash
# Installs the Debian packages that are missing: `install-deps.sh build`, `... build run test`.
# Never prompts, prints what it installs, uses sudo when not root, waits for apt's locks.
# NO_INSTALL=1: installs nothing.
set -euo pipefail

declare -A packages=(
    [build]="gcc libc6-dev make pkg-config protobuf-c-compiler libprotobuf-c-dev libnats-dev
        libcivetweb-dev libcjson-dev libjwt-dev libargon2-dev libsqlite3-dev libutf8proc-dev
        libgd-dev libavif-dev libssl-dev libmongoc-dev libbson-dev libcurl4-openssl-dev brotli"
    [run]="nats-server"
    [test]="git curl libcmocka-dev python3 python3-pytest python3-pytest-xdist
        python3-websocket python3-requests python3-aiosmtpd python3-jwt
        python3-protobuf protobuf-compiler python3-pil python3-selenium chromium chromium-driver
        chromium-headless-shell fonts-noto-color-emoji libnss3-tools openssl sqlite3 maven default-jre-headless"
    [proxies]="haproxy nginx-light caddy certbot"
    [lint]="clang-format clang-tidy cppcheck shellcheck"
    [fuzz]="clang llvm"
    [compose]="docker.io docker-compose debootstrap iptables"
)

# Before 20.10, node has no WebSocket of its own; a newer one may come from elsewhere than Debian.
node=$(dpkg-query -W -f='${Version}' nodejs 2>/dev/null || true)
dpkg --compare-versions "$node" ge 20.10 2>/dev/null || packages[test]+=" nodejs node-ws"

# libFuzzer and the sanitizers of clang are a package of its version; Debian 12 has no other name for it.
if [[ " $* " == *" fuzz "* ]]; then
    clang=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9][0-9]*\)$/\1/p' || true)
    packages[fuzz]+=" libclang-rt-${clang:-14}-dev"
fi

[ "${NO_INSTALL:-0}" = 1 ] && exit 0
missing=()
for set in "$@"; do
    for package in ${packages[$set]}; do
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
log=$(mktemp)
trap 'rm -f "$log" "$log.now"' EXIT

# apt-get, into the log. While another package manager holds one of apt's locks it is tried again, for
# ten minutes: apt's own DPkg::Lock::Timeout covers the lock of dpkg, not that of the package lists.
apt() {
    local attempt holder said=
    for attempt in {1..300}; do
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get "$@" >"$log.now" 2>&1 </dev/null && return
        holder=$(grep -m1 'Could not get lock' "$log.now") || break
        [ -z "$said" ] && echo "install-deps: waiting for another package manager: ${holder#E: }"
        said=1
        sleep 2
    done
    cat "$log.now" >>"$log"
    return 1
}

# The first error is the cause. What follows it ("Unable to locate package") seldom is.
if ! { apt update -q && cat "$log.now" >>"$log" &&
    apt install -y -q --no-install-recommends "${missing[@]}"; }; then
    echo "install-deps: apt-get failed: $(grep -m1 -E '^(E:|W: Failed to fetch)' "$log")" >&2
    tail -n 20 "$log" >&2
    exit 1
fi
