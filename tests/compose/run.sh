#!/bin/bash
# `make test-compose`: starts docker-compose.yml, scaled, and runs the tests of this
# folder against it. No registry is needed: the base image is made with debootstrap, and stand-ins
# take the places of NATS and MongoDB (stand-ins.yml). Where no Docker engine runs, one is started
# for the time of the tests; its images stay in build/compose for the next time.
#
#   tests/compose/run.sh [FURTHER-COMPOSE-FILE...]
#
# PYTEST_ARGS goes to pytest. Skips, with the reason, where it cannot run.
set -uo pipefail
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin:/sbin
cache=$PWD/build/compose
run=$(mktemp -d /tmp/messenger-compose.XXXXXX) # short: the paths of sockets have little room
project=mt$$
engine= had_docker0= forwarding=
mkdir -p "$cache"

skip() {
    echo "test-compose: skipped: $*"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}

fail() {
    echo "test-compose: $*" >&2
    exit 1
}

# --- the end: whatever was started goes ------------------------------------------------------------------

stop_engine() {
    kill "$engine" 2>/dev/null
    wait "$engine" 2>/dev/null
    # An engine leaves its bridge and its rules behind.
    [ -z "$had_docker0" ] && ip link delete docker0 2>/dev/null
    [ -s "$run/iptables" ] && iptables-restore <"$run/iptables"
    [ -n "$forwarding" ] && echo "$forwarding" >/proc/sys/net/ipv4/ip_forward
}

finish() {
    [ -n "${up:-}" ] && compose down -v --remove-orphans -t 5 >"$run/down.log" 2>&1
    [ -n "$engine" ] && stop_engine
    rm -rf "$run"
}
trap finish EXIT
trap 'exit 130' INT TERM

# --- an engine -------------------------------------------------------------------------------------------

wait_for_engine() {
    for ((i = 0; i < 300; i++)); do
        docker info >/dev/null 2>&1 && return
        kill -0 "$engine" 2>/dev/null || return 1
        sleep 0.1 # bounded: a poll for the engine
    done
    return 1
}

start_engine() {
    [ "$(id -u)" = 0 ] || skip "no Docker engine answers, and only root can start one"
    command -v dockerd >/dev/null || skip "there is no dockerd (Debian: docker.io)"
    [ -e /sys/class/net/docker0 ] && had_docker0=1
    forwarding=$(cat /proc/sys/net/ipv4/ip_forward)
    iptables-save >"$run/iptables" 2>/dev/null
    export DOCKER_HOST=unix://$run/docker.sock
    dockerd --host "$DOCKER_HOST" --data-root "$cache/engine" --exec-root "$run/exec" \
        --pidfile "$run/pid" >"$cache/dockerd.log" 2>&1 &
    engine=$!
    wait_for_engine || skip "dockerd does not start here: $(tail -n 1 "$cache/dockerd.log")"
}

command -v docker >/dev/null || skip "there is no docker (Debian: docker.io)"
if docker compose version >/dev/null 2>&1; then
    compose_command=(docker compose)
elif command -v docker-compose >/dev/null; then
    compose_command=(docker-compose)
else
    skip "there is no docker-compose"
fi
docker info >/dev/null 2>&1 || start_engine

# --- images ----------------------------------------------------------------------------------------------

# As the official slim image: without documentation.
make_base_image() {
    local root=$run/root
    command -v debootstrap >/dev/null || skip "there is no debootstrap to make the base image with"
    [ "$(id -u)" = 0 ] || skip "only root can make the base image"
    debootstrap --variant=minbase bookworm "$root" >"$cache/debootstrap.log" 2>&1 ||
        skip "debootstrap cannot make the base image: $(tail -n 1 "$cache/debootstrap.log")"
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* \
        "$root"/usr/share/{doc,man,locale,info}/*
    tar -C "$root" -c . | docker import - debian:bookworm-slim >/dev/null
    rm -rf "$root"
}

quietly() { # log, command...
    "${@:2}" >"$cache/$1" 2>&1 </dev/null || { tail -n 40 "$cache/$1" >&2; fail "$2 $3 failed"; }
}

make_stand_ins() {
    quietly nats.log docker build -t messenger-test/nats -f tests/compose/nats.Dockerfile tests/compose
    tests/mongo-server/build.sh >"$cache/mongo.log" 2>&1 ||
        skip "no stand-in for MongoDB: $(cat "$cache/mongo.log")"
    quietly mongo.log docker build -t messenger-test/mongo -f tests/compose/mongo.Dockerfile build/mongo-server
}

begin=$SECONDS
lap() { echo "test-compose: $*, $((SECONDS - begin)) s"; begin=$SECONDS; }

docker image inspect debian:bookworm-slim >/dev/null 2>&1 || make_base_image
make_stand_ins
lap "base image and stand-ins"

# --- the stack -------------------------------------------------------------------------------------------

SECRETS=$run/secrets
CERTIFICATES=$run/certificates
read -r PORT HTTPS_PORT < <(/usr/bin/python3 -c '
import sys
sys.path.insert(0, "tests")
from support.ports import free_port
print(free_port(), free_port())')
export SECRETS CERTIFICATES PORT HTTPS_PORT COMPOSE_PROJECT_NAME=$project
mkdir -m 711 "$CERTIFICATES" # empty: a test puts one in
deploy/make-secrets.sh "$SECRETS" >/dev/null
files=(docker-compose.yml tests/compose/stand-ins.yml "$@")
compose() { "${compose_command[@]}" "${files[@]/#/--file=}" "$@"; }

docker_check() { "${compose_command[@]}" "$@" config -q || fail "$* is not valid"; }
docker_check -f docker-compose.yml
docker_check -f docker-compose.yml -f docker-compose.cluster.yml
quietly build.log make images COMPOSE="${compose_command[*]} ${files[*]/#/--file=}"
lap "images of the programs and the balancer"

up=1
quietly up.log compose up -d --scale gateway=3 --scale message=2 --scale user=2 --scale presence=2
lap "the stack is up"

COMPOSE="${compose_command[*]} ${files[*]/#/--file=}" \
    /usr/bin/python3 -m pytest -c tests/pytest.ini -q tests/compose ${PYTEST_ARGS:-}
status=$?
lap "tests"
exit $status
