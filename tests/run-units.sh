#!/bin/bash
# Runs unit test programs, at most as many at a time as there are cores, and adds up what they
# print. A program that ends with a failure but counts none (a crash) counts as one failed test.
set -uo pipefail
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export MONGOC_DISABLE_SHM=1 # see tests/conftest.py
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1}

run_one() { # program
    local log=$2/$(basename "$1").log status=0
    timeout 900 "$1" >"$log" 2>&1 || status=$?
    echo $status >"$log.status"
}
export -f run_one
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'run_one {} '"$out"

passed=0 failed=0 skipped=0
for program in "$@"; do
    log=$out/$(basename "$program").log
    count() { sed -nE "s/^\[  $1 *\] ([0-9]+) test\(s\).*/\1/p" "$log" | awk '{n += $1} END {print n + 0}'; }
    p=$(count PASSED) f=$(count FAILED) s=$(count SKIPPED)
    status=$(cat "$log.status")
    if [ "$status" != 0 ]; then
        [ "$f" = 0 ] && f=1
        echo "--- $(basename "$program"): exit status $status"
        tail -n 60 "$log"
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "unit tests: $passed passed, $failed failed, $skipped skipped"
[ -n "${COUNTS:-}" ] && echo "$passed $failed $skipped" >>"$COUNTS"
[ $failed = 0 ]
