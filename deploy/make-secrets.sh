#!/bin/bash
# Makes the secrets of the containers in deploy/secrets/ (or the folder given): the key that signs
# the tokens and the NATS passwords. What is there already stays; run it as often as you like.
#
# The containers' users are not known to this machine, so the files are readable by all, in a folder
# that only its owner may enter; a container gets to see just the files mounted into it. With
# --private, as for `make run`, the files are for their owner only.
set -euo pipefail

mode=444
[ "${1:-}" = --private ] && { mode=600; shift; }
directory=${1:-$(cd "$(dirname "$0")" && pwd)/secrets}
users="gateway user message presence admin monitor observer route"
nats_nodes="nats nats-2 nats-3" # of docker-compose.cluster.yml

mkdir -p "$directory"
chmod 700 "$directory"
cd "$directory"

random_hex() { head -c "$1" /dev/urandom | od -An -tx1 | tr -d ' \n'; }

# Written aside and moved, so that an interrupted run leaves no half secret.
write() { # file; the content comes from standard input
    (umask 077 && cat >"$1.new")
    chmod $mode "$1.new"
    mv -f "$1.new" "$1"
}

keep_or_make() { # file, bytes of randomness
    [ -s "$1" ] && return
    random_hex "$2" | write "$1"
    echo "made $directory/$1"
}

keep_or_make jwt_key 32
for user in $users; do keep_or_make "nats_$user" 24; done

# The same once more in the form that nats-server includes.
for user in $users; do
    [ "$user" = route ] || printf '%s_PASSWORD: "%s"\n' "${user^^}" "$(cat "nats_$user")"
done | write nats-passwords.conf
{
    printf 'ROUTE_PASSWORD: "%s"\nROUTES: [\n' "$(cat nats_route)"
    for node in $nats_nodes; do
        printf '    "nats://route:%s@%s:6222"\n' "$(cat nats_route)" "$node"
    done
    echo ']'
} | write nats-routes.conf
