#!/bin/bash
# All tests of `make test`: unit, integration, end to end, the demo page; the stores and the end to
# end tests on MongoDB's protocol, too. Ends with the figures and one line that adds everything up.
set -uo pipefail
cd "$(dirname "$0")/.."
# Runs pytest and adds what it counted to COUNTS.
run_pytest() { # report, argument...
    local report=$1 summary failures
    /usr/bin/python3 -m pytest -c tests/pytest.ini -q "${@:2}" 2>&1 | tee "$report"
    summary=$(grep -E '^(=+ )?[0-9]+ (passed|failed|skipped|error|deselected|xfailed).* in [0-9.]+s' "$report" | tail -n 1)
    number() { grep -oE "[0-9]+ $1" <<<"$summary" | cut -d' ' -f1 | awk '{n += $1} END {print n + 0}'; }
    failures=$(($(number failed) + $(number error)))
    [ -z "$summary" ] && failures=1
    echo "$(number passed) $failures $(number skipped)" >>"$COUNTS"
}

# What must hold on every store, on a server that speaks MongoDB's protocol.
run_on_mongo() {
    local unit=build/release/unit
    echo "--- on MongoDB's protocol:"
    tests/run-units.sh $unit/test_user_store* $unit/test_message_store* || true
    MESSENGER_TEST_STORE_USERS=$TEST_STORE_URLS MESSENGER_TEST_STORE_MESSAGES=$TEST_STORE_URLS \
        run_pytest build/pytest-mongo.txt tests/e2e --ignore tests/e2e/test_figures.py \
        --ignore tests/e2e/test_mongo_away.py --ignore tests/e2e/test_disk_full.py \
        --ignore tests/e2e/test_storm.py --ignore tests/e2e/test_slow_clients.py
}
if [ "${1:-}" = --on-mongo ]; then # by with-mongo.sh, below
    run_on_mongo
    exit
fi

COUNTS=$(mktemp)
export COUNTS
trap 'rm -f "$COUNTS"' EXIT
rm -f build/test-figures.txt

tests/run-units.sh build/release/unit/test_*[!.]
run_pytest build/pytest.txt tests
tests/with-mongo.sh tests/run-all.sh --on-mongo
[ $? = 77 ] && echo "0 0 1" >>"$COUNTS" # it said why; counts as one skipped

if [ -f build/test-figures.txt ]; then
    echo
    cat build/test-figures.txt
fi
read -r passed failed skipped < <(awk '{p += $1; f += $2; s += $3} END {print p, f, s}' "$COUNTS")
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
