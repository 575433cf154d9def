#!/bin/sh
# A deploy hook of certbot: makes the file that HAProxy takes, the chain and then the key, of the
# certificate that was obtained or renewed. By hand, for a certificate from elsewhere:
#
#   RENEWED_LINEAGE=/folder/with/fullchain.pem/and/privkey.pem deploy/certbot-hook.sh
#
# Environment:
#
#   RENEWED_LINEAGE    folder of fullchain.pem and privkey.pem; certbot sets it
#   CERTIFICATE        the file to make (certificates/messenger.pem beside this script)
#   CERTIFICATE_OWNER  user:group that may read it (10002:10002, the balancer's in its container)
#   RELOAD             a command to run afterwards, such as "systemctl reload haproxy"; the balancer
#                      in its container needs none
#
# The file is moved into place whole. With an error, what was there stays. For any POSIX shell:
# certbot's image has no bash.
set -eu

fail() {
    echo "certbot-hook: $*" >&2
    exit 1
}

lineage=${RENEWED_LINEAGE:-}
certificate=${CERTIFICATE:-$(dirname "$0")/certificates/messenger.pem}
owner=${CERTIFICATE_OWNER:-10002:10002}
folder=$(dirname "$certificate")

[ -n "$lineage" ] || fail "RENEWED_LINEAGE is not set: certbot sets it for --deploy-hook"
for file in fullchain.pem privkey.pem; do
    [ -s "$lineage/$file" ] || fail "$lineage/$file is missing or empty"
done
grep -q 'BEGIN CERTIFICATE' "$lineage/fullchain.pem" || fail "$lineage/fullchain.pem is not a certificate"
grep -q 'BEGIN .*PRIVATE KEY' "$lineage/privkey.pem" || fail "$lineage/privkey.pem is not a key"
if command -v openssl >/dev/null; then
    of_certificate=$(openssl x509 -in "$lineage/fullchain.pem" -noout -pubkey) || fail "$lineage/fullchain.pem cannot be read"
    of_key=$(openssl pkey -in "$lineage/privkey.pem" -pubout -passin pass:) || fail "$lineage/privkey.pem cannot be read"
    [ "$of_certificate" = "$of_key" ] || fail "$lineage: the key is not that of the certificate"
fi

# Others may pass through the folder, not list it; the file is its owner's.
[ -d "$folder" ] || { mkdir -p "$folder" && chmod 711 "$folder"; }
umask 077
new=$(mktemp "$certificate.XXXXXX") || fail "cannot write to $folder"
trap 'rm -f "$new"' EXIT
{ cat "$lineage/fullchain.pem" && echo && cat "$lineage/privkey.pem"; } >"$new"
chmod 400 "$new"
chown "$owner" "$new" || fail "cannot give $certificate to $owner: run certbot as root, or set CERTIFICATE_OWNER"
mv -f "$new" "$certificate"
echo "certbot-hook: made $certificate"
[ -z "${RELOAD:-}" ] || sh -c "$RELOAD" || fail "the certificate is in place, but \"$RELOAD\" failed"
