#!/bin/bash
# All tests of `make test`: unit, integration, end to end, the demo page; what depends on the store on
# MongoDB's protocol, too. Ends with the figures and one line that adds everything up.
#
#   tests/run-all.sh [--check]     --check: the part for `make check`
set -uo pipefail
cd "$(dirname "$0")/.."

# Three for each core: most tests wait for programs or time-outs, and no verdict depends on the load.
workers=$((3 * $(nproc)))

# Runs pytest, and adds what it counted to COUNTS.
run_pytest() { # report, argument...
    local report=$1 summary failures
    /usr/bin/python3 -m pytest -c tests/pytest.ini -q "${@:2}" 2>&1 | tee "$report"
    summary=$(grep -E '^(=+ )?[0-9]+ (passed|failed|skipped|error|deselected|xfailed).* in [0-9.]+s' "$report" | tail -n 1)
    number() { grep -oE "[0-9]+ $1" <<<"$summary" | cut -d' ' -f1 | awk '{n += $1} END {print n + 0}'; }
    failures=$(($(number failed) + $(number error)))
    [ -z "$summary" ] && failures=1
    echo "$(number passed) $failures $(number skipped)" >>"$COUNTS"
}

side_by_side() { # as run_pytest; one file after the other where there is no pytest-xdist
    if /usr/bin/python3 -c 'import xdist' 2>/dev/null; then
        run_pytest "$@" -n "$workers" --dist loadfile
    else
        run_pytest "$@"
    fi
}

# What reaches the store, on a server that speaks MongoDB's protocol. The rest of tests/e2e asks the
# gateway, the bus or presence, and would be answered the same.
run_on_mongo() {
    local unit=build/release/unit
    echo "--- on MongoDB's protocol:"
    tests/run-units.sh $unit/test_user_store* $unit/test_message_store* $unit/test_login_guard || true
    MESSENGER_TEST_STORE_USERS=$TEST_STORE_URLS MESSENGER_TEST_STORE_MESSAGES=$TEST_STORE_URLS \
        side_by_side build/pytest-mongo.txt \
        tests/e2e/test_{accounts,bad_input,faults,guessing,holes,mail,messages,notifications,original_examples,docs,bots,registration,repeated_calls,sessions}.py \
        tests/e2e/test_{rolling_restart,sync,two_gateways,upload}.py
}

check() {
    tests/run-units.sh build/release/unit/test_*[!.]
    side_by_side build/pytest-check.txt tests/integration/test_{walls,house,config,bus,make_assets,assets}.py \
        tests/e2e/test_{accounts,bad_frames,bad_http,bad_input,messages,notifications,original_examples,docs}.py \
        tests/e2e/test_{sync,two_gateways,upload}.py
}

all() {
    tests/mongo-server/build.sh >build/mongo-server.log 2>&1 & # fetches while others test
    tests/run-units.sh build/release/unit/test_*[!.]
    side_by_side build/pytest.txt tests --ignore tests/e2e/test_figures.py --ignore tests/hostile
    run_pytest build/pytest-figures.txt tests/e2e/test_figures.py # alone: it measures
    tests/with-mongo.sh tests/run-all.sh --on-mongo
    [ $? = 77 ] && echo "0 0 1" >>"$COUNTS" # it printed the reason; counts as one skipped
    if [ -f build/test-figures.txt ]; then
        echo
        cat build/test-figures.txt
    fi
}

if [ "${1:-}" = --on-mongo ]; then # by with-mongo.sh, above
    run_on_mongo
    exit
fi
COUNTS=$(mktemp)
export COUNTS
trap 'rm -f "$COUNTS"' EXIT
rm -f build/test-figures.txt
if [ "${1:-}" = --check ]; then check; else all; fi
read -r passed failed skipped < <(awk '{p += $1; f += $2; s += $3} END {print p, f, s}' "$COUNTS")
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
