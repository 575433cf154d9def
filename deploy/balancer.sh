#!/bin/bash
# Entry point of the balancer's container: HAProxy, with HTTPS if there is a certificate, and what
# hands a renewed certificate to it. Environment:
#
#   CERTIFICATE           one file with the chain, then the key (/certificates/messenger.pem)
#   CERTIFICATE_INTERVAL  seconds between looks at that file (60)
#   HTTPS_PORT            at which clients reach port 8443; redirects lead there (443)
#   CONTROL_PORT          of HAProxy's runtime API, on loopback (8404)
#
# HAProxy replaces a certificate in place by its runtime API: connections stay, new ones get the new
# certificate. A reload (SIGUSR2) would leave the sockets with an old process that has to end at some
# time, and disconnect them then.
set -uo pipefail

configuration=${1:-/etc/haproxy/haproxy.cfg}
certificate=${CERTIFICATE:-/certificates/messenger.pem}
interval=${CERTIFICATE_INTERVAL:-60}
export CONTROL_PORT=${CONTROL_PORT:-8404}
export HTTPS_SUFFIX=:${HTTPS_PORT:-443}
[ "$HTTPS_SUFFIX" = :443 ] && HTTPS_SUFFIX=

note() { echo "balancer: $*"; }

# The runtime API ends a certificate at an empty line.
content() { grep -v '^[[:space:]]*$' "$certificate" 2>/dev/null; }

control() { # the command, perhaps with a payload
    { printf '%s\n' "$1" >&3 && cat <&3; } 3<>"/dev/tcp/127.0.0.1/$CONTROL_PORT" 2>/dev/null
}

replace() { # content
    local answer
    answer=$(control "set ssl cert $certificate <<"$'\n'"$1"$'\n')
    [[ $answer == *"Transaction "* ]] && answer=$(control "commit ssl cert $certificate")
    [[ $answer == *Success* ]] && return
    control "abort ssl cert $certificate" >/dev/null
    note "the certificate was not replaced: $(tr -s '\n' ' ' <<<"${answer:-HAProxy does not answer}")"
    return 1
}

# With HTTPS on, HAProxy has one more port, for which it has to start anew: Docker restarts it.
begin_https() {
    local problems
    problems=$(CERTIFICATE=$certificate haproxy -c -f "$configuration" 2>&1) || {
        note "the certificate is not usable: $(tr -s '\n' ' ' <<<"$problems")"
        return 1
    }
    note "there is a certificate now: restarting with HTTPS"
    kill -USR1 $$
}

# $$ is HAProxy's, which this shell becomes. A file that was refused is tried again only once it has changed.
watch() {
    local known=$1 now
    while sleep "$interval" && kill -0 $$ 2>/dev/null; do
        now=$(content)
        [ -z "$now" ] || [ "$now" = "$known" ] && continue
        known=$now
        if [ -z "${CERTIFICATE:-}" ]; then
            begin_https
        elif replace "$now"; then
            note "the certificate was replaced"
        fi
    done
}

# HAProxy has a port for HTTPS if this variable is there.
unset CERTIFICATE
at_start=$(content)
[ -n "$at_start" ] && export CERTIFICATE=$certificate
watch "$at_start" &
exec haproxy -db -f "$configuration"
