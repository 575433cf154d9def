#!/bin/sh
# What the container `acme` of docker-compose.yml runs: obtains the certificate for DOMAIN (several by
# commas) and renews it when a third of its time is left. EMAIL is for the authority; ACME_SERVER is
# its directory, if not Let's Encrypt's. CERTIFICATE is the file to make (certbot-hook.sh).
#
# The authority asks http://DOMAIN/.well-known/acme-challenge/... at port 80: the balancer passes that
# to certbot's own server here, at port 8080.
set -u

: "${CERTIFICATE:=/certificates/messenger.pem}"
export CERTIFICATE
lineage=${LETSENCRYPT:-/etc/letsencrypt}/live/messenger
[ -n "${DOMAIN:-}" ] || { echo "acme: DOMAIN is not set" >&2; exit 1; }
hook=$(dirname "$0")/certbot-hook.sh
set -- certonly --standalone --http-01-port "${ACME_PORT:-8080}" --non-interactive --agree-tos --keep-until-expiring \
    --expand --cert-name messenger --domains "$DOMAIN"
if [ -n "${EMAIL:-}" ]; then set -- "$@" --email "$EMAIL"; else set -- "$@" --register-unsafely-without-email; fi
[ -z "${ACME_SERVER:-}" ] || set -- "$@" --server "$ACME_SERVER"

# The file may be missing or older although certbot had nothing to do: a volume was lost, the script failed.
is_older() { [ ! -s "$CERTIFICATE" ] || [ -n "$(find -L "$lineage/fullchain.pem" -newer "$CERTIFICATE")" ]; }

trap 'kill $! 2>/dev/null; exit 0' TERM INT
while :; do
    pause=43200
    certbot "$@" || { pause=3600; echo "acme: certbot failed; the next attempt follows in an hour" >&2; }
    [ -e "$lineage/fullchain.pem" ] && is_older && RENEWED_LINEAGE=$lineage sh "$hook"
    sleep $pause &
    wait $!
done
