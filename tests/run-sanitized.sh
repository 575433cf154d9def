#!/bin/bash
# The end-to-end tests, the hostile clients, and the integration tests that start programs, on programs
# that are built with sanitizers; both kinds one after the other, or those that are named:
#
#   tests/run-sanitized.sh [--part] [address,undefined] [thread] [-- pytest arguments]
#
# A report of a sanitizer fails the run and is printed, whatever the test says that caused it. --part: some
# of the end-to-end tests only, those that do most with one stack. `make test-sanitized` is this.
#
# What is left out is named below, each with its reason, and counted at the end.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
kinds=() part=
while [ $# -gt 0 ]; do
    case $1 in
    --part) part=1 ;;
    --) shift && break ;;
    *) kinds+=("$1") ;;
    esac
    shift
done
[ ${#kinds[@]} -gt 0 ] || kinds=("address,undefined" thread)

tests=(tests/e2e tests/hostile tests/integration/test_{announcer,bus,config,healthcheck,hostile_requests}.py
    tests/integration/test_{messengerctl,messengerctl_admin,messengerctl_relations,nats_permissions,presence_lag}.py)

# "<kind or any> <test, or what its name begins with> <reason>"
left_out="\
any tests/e2e/test_figures.py it measures speed: that of the sanitizer
any tests/e2e/test_login_timing.py it measures speed: that of the sanitizer
thread tests/e2e/test_greedy_readers.py::test_a_batch_of_pages_is_bounded_in_bytes its answers take longer than a client that never pongs is kept
thread tests/e2e/test_mongo_away.py libmongoc is not built for ThreadSanitizer (CONTRIBUTING.md)"
[ -n "$part" ] && tests=(tests/e2e/test_{accounts,bad_frames,bad_http,bad_input,contacts,messages,notifications,sessions,sync}.py
    tests/e2e/test_{two_gateways,upload}.py tests/hostile)

# Most tests wait for programs or time-outs, as in run-all.sh.
workers=$((3 * $(nproc)))
side_by_side=()
/usr/bin/python3 -c 'import xdist' 2>/dev/null && side_by_side=(-n "$workers" --dist loadfile)

run_kind() { # kind, pytest argument...
    local kind=$1 out=build/${1//,/-} reports status=0 notes=()
    shift
    reports=$PWD/$out/reports
    rm -rf "$reports" && mkdir -p "$reports"
    make -s --no-print-directory "${MAKE_JOBS:--j$(nproc)}" SAN="$kind" all || return 1
    make -s --no-print-directory build/chaos/fault_shim.so || return 1
    local common="log_path=$reports/report:exitcode=66"
    local test reason of deselect=()
    while read -r of test reason; do
        [ "$of" = any ] || [ "$of" = "$kind" ] || continue
        deselect+=(--deselect "${test#tests/}") # pytest names tests from the directory of pytest.ini
        notes+=("left out: $test: $reason")
    done <<<"$left_out"
    echo "--- $kind:"
    # A program that NATS refuses, or that cannot stop in time, ends by _exit while its threads run: no leaks of threads.
    MESSENGER_BIN=$PWD/$out/bin MESSENGER_SANITIZER=$kind \
        ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=1:$common" \
        UBSAN_OPTIONS="print_stacktrace=1:$common" \
        TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp:report_thread_leaks=0:$common" \
        /usr/bin/python3 -m pytest -c tests/pytest.ini -q "${side_by_side[@]}" "${deselect[@]}" "${tests[@]}" "$@" || status=1
    for report in "$reports"/*; do
        [ -e "$report" ] || break
        echo "--- $report"
        head -n 80 "$report"
        status=1
    done
    printf '%s\n' "${notes[@]}"
    echo "--- $kind: $(find "$reports" -type f | wc -l) reports, ${#notes[@]} left out"
    return $status
}

failed=0
for kind in "${kinds[@]}"; do
    run_kind "$kind" "$@" || failed=1
done
exit $failed
