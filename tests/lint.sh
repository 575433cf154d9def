#!/bin/bash
# clang-format, clang-tidy and cppcheck over all our C; quiet when all is well.
set -uo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files '*.c' '*.h')
mapfile -t sources < <(git ls-files 'services/**.c' 'gateway/**.c' 'tests/bench/*.c')
failed=0

clang-format --dry-run -Werror "${files[@]}" || failed=1
tidy() { clang-tidy --quiet "$@" -- -std=c11 -D_POSIX_C_SOURCE=200809L -I. -isystem build/gen \
    -isystem /usr/include/libmongoc-1.0 -isystem /usr/include/libbson-1.0 2>&1 |
    grep -v 'warnings\? generated\|^Suppressed\|^Use -header-filter' ; [ "${PIPESTATUS[0]}" = 0 ]; }
export -f tidy
printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -n 8 bash -c 'tidy "$@"' _ || failed=1
# cppcheck sees no system header, so it would take an #error about a library's version for the truth.
cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr \
    --suppress=missingIncludeSystem --suppress=preprocessorErrorDirective --error-exitcode=1 -j "$(nproc)" -I. \
    -D_POSIX_C_SOURCE=200809L "${sources[@]}" || failed=1
[ $failed = 0 ] && echo "lint: ${#files[@]} files checked, no findings"
exit $failed
