#!/bin/bash
# Copies the shared libraries that programs need into a folder that becomes the root of an image:
# collect-libraries.sh ROOT PROGRAM... Beside them goes what dpkg knows of their packages, in the
# place where scanners of images look for it when there is no package manager.
set -euo pipefail

root=$1
shift
mapfile -t libraries < <(ldd "$@" | grep -oE '/[^ ]+\.so[^ ]*' | sort -u)
mkdir -p "$root/var/lib/dpkg/status.d"
for library in "${libraries[@]}"; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
    package=$(dpkg-query -S "*/$(basename "$(readlink -f "$library")")" | head -n 1 | cut -d: -f1)
    dpkg-query -s "$package" >"$root/var/lib/dpkg/status.d/$package"
done
