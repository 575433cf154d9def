#!/bin/bash
# Starts nats-server and the four programs on this machine, with SQLite under DATA_DIR, and stays in
# the foreground until Ctrl-C or SIGTERM. A program that ends is reported with the reason and
# restarted. Environment:
#
#   PORT       of the first gateway (8000, or app.port of config.json); others use the following ports
#   HOST       where gateways listen (webSocket.host of config.json, or 127.0.0.1); 0.0.0.0: everywhere
#   NATS_PORT  of nats-server (4222), on 127.0.0.1
#   DATA_DIR   databases, the JWT key, NATS passwords and address, logs (./data)
#   GATEWAYS USERS MESSAGES PRESENCES   instances of each program (1)
#   BIN        directory of the programs (build/release/bin)
#
# A config.json in the current directory is read (or the one MESSENGER_CONFIG names).
#
# NATS requires a log-in of each program, as in the containers (deploy/nats.conf), and all files are
# for their owner only.
set -uo pipefail
umask 077

root=$(cd "$(dirname "$0")/.." && pwd)
BIN=${BIN:-$root/build/release/bin}
DATA_DIR=${DATA_DIR:-./data}
NATS_PORT=${NATS_PORT:-4222}
STOP_SECONDS=10 # a program ends by itself within 9 s of SIGTERM

declare -A pid_of=() started_at=() command_of=() attempts=() restart_at=()
stopping=0 ready=0

fail() {
    echo "messenger: $*" >&2
    stop_all
    exit 1
}

# --- starting and stopping ---------------------------------------------------------------------------

log_of() { echo "$DATA_DIR/logs/$1.log"; }

# In a process group of its own: Ctrl-C reaches this script only, which stops the programs in order.
launch() { # name
    set -m
    eval "exec env ${command_of[$1]}" >>"$(log_of "$1")" 2>&1 </dev/null &
    pid_of[$1]=$!
    set +m
    started_at[$1]=$SECONDS
    unset "restart_at[$1]"
}

start() { # name, command...
    command_of[$1]=$(printf '%q ' "${@:2}")
    attempts[$1]=0
    : >"$(log_of "$1")"
    launch "$1"
}

alive() { kill -0 "$1" 2>/dev/null; }

stop_group() { # signal, wait seconds, name prefix...
    local until=$((SECONDS + $2)) names=() name prefix
    for prefix in "${@:3}"; do
        for name in "${!pid_of[@]}"; do
            [[ $name == "$prefix"* ]] && names+=("$name")
        done
    done
    for name in "${names[@]}"; do kill "-$1" "${pid_of[$name]}" 2>/dev/null; done
    for name in "${names[@]}"; do
        while alive "${pid_of[$name]}" && [ $SECONDS -lt $until ]; do sleep 0.05; done
        if alive "${pid_of[$name]}"; then
            echo "messenger: $name did not stop in time: killed" >&2
            kill -KILL "${pid_of[$name]}" 2>/dev/null
        fi
        wait "${pid_of[$name]}" 2>/dev/null
        unset "pid_of[$name]"
    done
}

# Gateways first, then the services, the bus last.
stop_all() {
    stopping=1
    stop_group TERM $STOP_SECONDS gateway
    stop_group TERM $STOP_SECONDS message presence user
    stop_group TERM $STOP_SECONDS nats
}

on_signal() {
    [ $stopping = 1 ] && return
    echo "messenger: stopping"
    stop_all
    exit 0
}
trap on_signal INT TERM HUP

# --- checks before the start ---------------------------------------------------------------------------

whole_number() { # variable, minimum, maximum
    local value=${!1}
    [[ $value =~ ^[0-9]{1,5}$ ]] && [ "$value" -ge "$2" ] && [ "$value" -le "$3" ] ||
        fail "$1=$value: must be a whole number from $2 to $3"
}

port_is_free() { # address, port, variable
    if (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; then
        fail "port $2 is in use; choose another with $3=..."
    fi
}

for tool in nats-server; do
    command -v $tool >/dev/null || [ -x /usr/sbin/$tool ] ||
        fail "$tool is not installed (Debian: apt-get install $tool)"
done
PATH=$PATH:/usr/sbin
for program in gateway user message presence; do
    [ -x "$BIN/$program" ] || fail "$BIN/$program is not built; run make"
done
GATEWAYS=${GATEWAYS:-1} USERS=${USERS:-1} MESSAGES=${MESSAGES:-1} PRESENCES=${PRESENCES:-1}
whole_number GATEWAYS 1 64
whole_number USERS 1 64
whole_number MESSAGES 1 64
whole_number PRESENCES 1 64
whole_number NATS_PORT 1 65535

[ -z "${MESSENGER_CONFIG:-}" ] && [ -f config.json ] && export MESSENGER_CONFIG=$PWD/config.json
problems=$("$BIN/gateway" --check 2>&1 >/dev/null) || { printf '%s\n' "$problems" >&2; fail "not started"; }
PORT=${PORT:-$("$BIN/gateway" --get app.port)}
whole_number PORT 1 65535
HOST=${HOST:-$("$BIN/gateway" --get webSocket.host)}
HOST=${HOST:-127.0.0.1}
case $HOST in 0.0.0.0 | ::) near=127.0.0.1 ;; *) near=$HOST ;; esac # where this script finds a gateway
for ((i = 0; i < GATEWAYS; i++)); do port_is_free "$near" $((PORT + i)) PORT; done
port_is_free 127.0.0.1 "$NATS_PORT" NATS_PORT

mkdir -p "$DATA_DIR/logs" 2>/dev/null && [ -w "$DATA_DIR/logs" ] || fail "cannot write to DATA_DIR=$DATA_DIR"
DATA_DIR=$(cd "$DATA_DIR" && pwd)

# Files of earlier versions, or of a directory that was made by somebody else.
chmod -R go-rwx "$DATA_DIR"/{logs,nats,secrets,nats.url,jwt.key,users.db*,messages.db*} 2>/dev/null
"$root/deploy/make-secrets.sh" --private "$DATA_DIR/secrets" >/dev/null ||
    fail "cannot make the secrets in $DATA_DIR/secrets"
# Without the port for health checks; "secrets/..." is found beside it.
grep -v '^http:' "$root/deploy/nats.conf" >"$DATA_DIR/nats.conf" || fail "cannot write $DATA_DIR/nats.conf"

# A random key, stored for the next start, unless the configuration has one.
if [ "$("$BIN/gateway" --get JWT.privateKey)" = "" ]; then
    key=$DATA_DIR/jwt.key
    [ -s "$key" ] || (head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$key") ||
        fail "cannot write $key"
    export MESSENGER_JWT_PRIVATE_KEY_FILE=$key
fi
export MESSENGER_DATA_DIRECTORY=$DATA_DIR MESSENGER_NATS_URL=nats://127.0.0.1:$NATS_PORT
export MESSENGER_WEB_SOCKET_HOST=$HOST
# So that messengerctl finds it.
echo "$MESSENGER_NATS_URL" >"$DATA_DIR/nats.url" || fail "cannot write $DATA_DIR/nats.url"
export MONGOC_DISABLE_SHM=1 # or a killed program leaves its counters in /dev/shm
unset MESSENGER_NATS_USER MESSENGER_NATS_PASSWORD MESSENGER_NATS_USER_FILE

# --- start -----------------------------------------------------------------------------------------------

start_program() { # name, kind, variables...
    start "$1" "MESSENGER_NATS_USER=$2" "MESSENGER_NATS_PASSWORD_FILE=$DATA_DIR/secrets/nats_$2" "${@:3}" "$BIN/$2"
}

start nats nats-server -c "$DATA_DIR/nats.conf" -sd "$DATA_DIR/nats" -a 127.0.0.1 -p "$NATS_PORT"
for ((i = 0; i < USERS; i++)); do start_program user-$i user; done
for ((i = 0; i < MESSAGES; i++)); do start_program message-$i message; done
for ((i = 0; i < PRESENCES; i++)); do start_program presence-$i presence; done
for ((i = 0; i < GATEWAYS; i++)); do
    start_program gateway-$i gateway "MESSENGER_APP_PORT=$((PORT + i))"
done

# --- watch -----------------------------------------------------------------------------------------------

is_ready() { # port
    local status
    exec 3<>"/dev/tcp/$near/$1" || return 1
    printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
    read -r -t 2 _ status _ <&3
    exec 3>&-
    [ "${status:-}" = 200 ]
} 2>/dev/null

all_ready() {
    local i
    for ((i = 0; i < GATEWAYS; i++)); do is_ready $((PORT + i)) || return 1; done
}

why() { # exit status
    if [ "$1" -gt 128 ]; then echo "signal $(($1 - 128)) ($(kill -l $(($1 - 128))))"; else echo "exit code $1"; fi
}

# A program that keeps ending is restarted after a growing pause of up to 5 seconds.
on_exit() { # name, exit status
    local name=$1 delay
    local last
    last=$(tail -n 1 "$(log_of "$name")" 2>/dev/null)
    unset "pid_of[$name]"
    if [ $ready = 0 ] && [ "$2" -le 128 ]; then
        tail -n 5 "$(log_of "$name")" >&2
        fail "$name could not start ($(why "$2"))"
    fi
    [ $((SECONDS - started_at[$name])) -gt 10 ] && attempts[$name]=0
    delay=$((attempts[$name] < 5 ? attempts[$name] : 5))
    attempts[$name]=$((attempts[$name] + 1))
    echo "messenger: $name ended ($(why "$2")); restarting it${last:+ (its last line: $last)}"
    restart_at[$name]=$((SECONDS + delay))
}

restart_ended() {
    local name status
    for name in "${!pid_of[@]}"; do
        alive "${pid_of[$name]}" && continue
        wait "${pid_of[$name]}"
        status=$?
        on_exit "$name" $status
    done
    for name in "${!restart_at[@]}"; do
        [ $SECONDS -ge "${restart_at[$name]}" ] && launch "$name"
    done
}

while :; do
    restart_ended
    if [ $ready = 0 ] && all_ready; then
        ready=1
        last=$((PORT + GATEWAYS - 1))
        shown=$([ "$near" = 127.0.0.1 ] && echo localhost || echo "$near")
        echo "messenger: ready at http://$shown:$PORT$([ $last != "$PORT" ] && echo " to port $last")" \
            "- data and logs in $DATA_DIR"
    fi
    if [ $ready = 0 ]; then sleep 0.05; else sleep 0.2; fi
done
