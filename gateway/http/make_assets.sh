#!/bin/sh
# Makes what the gateway serves from the files below a folder, which nothing else lists:
#
#   gateway/http/make_assets.sh gateway/www build/gen/assets
#
# The second folder then has
#   files/           the files as they are served, and beside them their compressed forms (.gz, .br)
#   assets_table.c   the table of assets.h
#   assets_data.S    the bytes of the files, for the linker
#
# In pages and manifests, /assets/ becomes /assets/<hash>/. Names that begin with a dot are skipped.
set -eu
LC_ALL=C
export LC_ALL
www=$1
out=$2

fail() {
    echo "make_assets.sh: $*" >&2
    exit 1
}

type_of() {
    case $1 in
    *.js | *.mjs) echo 'text/javascript; charset=utf-8' ;;
    *.css) echo 'text/css; charset=utf-8' ;;
    *.html) echo 'text/html; charset=utf-8' ;;
    *.txt) echo 'text/plain; charset=utf-8' ;;
    *.json) echo 'application/json; charset=utf-8' ;;
    *.webmanifest) echo 'application/manifest+json' ;;
    *.svg) echo 'image/svg+xml' ;;
    *.png) echo 'image/png' ;;
    *.jpg) echo 'image/jpeg' ;;
    *.ico) echo 'image/x-icon' ;;
    *.woff2) echo 'font/woff2' ;;
    *) fail "$www/$1: no type is known for this suffix; add it to type_of" ;;
    esac
}

size_of() {
    wc -c <"$1" | tr -d ' '
}

# 16 hex digits of the hash of a file.
hash_of() {
    sha256sum <"$1" | cut -c 1-16
}

# --- which files there are -----------------------------------------------------------------

rm -rf "$out"
mkdir -p "$out/files"
odd=$(find "$www" -name '.*' ! -name . -prune -o -name '*[!A-Za-z0-9._-]*' -print)
[ -z "$odd" ] || fail "names may have letters, digits and ._- only: $odd"
(cd "$www" && find . -name '.?*' -prune -o -type f -print) | sed 's|^\./||' | sort >"$out/names"
[ -s "$out/names" ] || fail "$www: no files"
while read -r name; do
    type_of "$name" >/dev/null
done <"$out/names"

# --- the files as they are served ----------------------------------------------------------

(cd "$www" && xargs sha256sum) <"$out/names" >"$out/sums"
hash=$(hash_of "$out/sums")
: >"$out/compressible"
while read -r name; do
    mkdir -p "$(dirname "$out/files/$name")"
    case $name in
    *.html | *.webmanifest) sed "s|/assets/|/assets/$hash/|g" "$www/$name" >"$out/files/$name" ;;
    *) cp "$www/$name" "$out/files/$name" ;;
    esac
    case $name in
    *.png | *.jpg | *.woff2) ;;
    *) echo "$out/files/$name" >>"$out/compressible" ;;
    esac
done <"$out/names"
xargs -r gzip -9nk <"$out/compressible"
xargs -r brotli -q 11 <"$out/compressible"

# --- the table, and the bytes --------------------------------------------------------------

# One form of a file: a row of the table, and its bytes under a label.
put_form() { # coding, label, path
    echo "extern const unsigned char $2[];" >>"$out/declared"
    printf '          [%s] = { %s, %s, "\\"%s\\"" },\n' \
        "$1" "$2" "$(size_of "$3")" "$(hash_of "$3")" >>"$out/rows"
    printf '        .global %s\n        .balign 16\n%s:\n        .incbin "%s"\n        .byte 0\n\n' \
        "$2" "$2" "$3" >>"$out/assets_data.S"
}

put_smaller_form() { # coding, label, path, path of the file itself
    [ ! -e "$3" ] || [ "$(size_of "$3")" -ge "$(size_of "$4")" ] || put_form "$1" "$2" "$3"
}

put_file() { # name, number
    path=$out/files/$1
    printf '    { "%s",\n      "%s",\n      {\n' "$1" "$(type_of "$1")" >>"$out/rows"
    put_form CODING_IDENTITY "asset_$2" "$path"
    put_smaller_form CODING_GZIP "asset_$2_gzip" "$path.gz" "$path"
    put_smaller_form CODING_BR "asset_$2_br" "$path.br" "$path"
    printf '      } },\n' >>"$out/rows"
}

: >"$out/declared"
: >"$out/rows"
printf '        .section .rodata\n\n' >"$out/assets_data.S"
number=0
while read -r name; do
    put_file "$name" "$number"
    number=$((number + 1))
done <"$out/names"
printf '        .section .note.GNU-stack, "", @progbits\n' >>"$out/assets_data.S"
{
    printf '#include "gateway/http/assets.h"\n\n'
    cat "$out/declared"
    printf '\nstatic const struct asset files[] = {\n'
    cat "$out/rows"
    printf '};\n\nconst struct assets assets_made = { "%s", files, %s };\n' "$hash" "$number"
} >"$out/assets_table.c"
rm "$out/names" "$out/sums" "$out/compressible" "$out/declared" "$out/rows"
