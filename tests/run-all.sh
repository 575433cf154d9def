#!/bin/bash
# All tests of `make test`: unit, integration, end to end, the demo page. Ends with the figures and
# one line that adds everything up.
set -uo pipefail
cd "$(dirname "$0")/.."
COUNTS=$(mktemp)
export COUNTS
trap 'rm -f "$COUNTS"' EXIT
rm -f build/test-figures.txt

tests/run-units.sh build/release/unit/test_*[!.]

# The stores that speak MongoDB's protocol pass the very same suites.
COUNTS=$COUNTS.mongo tests/with-mongo.sh tests/run-units.sh build/release/unit/test_{user_store,message_store,message_store_processes,message_store_mongo}
case $? in
77) echo "0 0 1" >>"$COUNTS" ;; # said why; counts as one skipped
*) cat "$COUNTS.mongo" >>"$COUNTS" ;;
esac
rm -f "$COUNTS.mongo"

report=build/pytest.txt
/usr/bin/python3 -m pytest -c tests/pytest.ini -q tests 2>&1 | tee $report
summary=$(grep -E '^(=+ )?[0-9]+ (passed|failed|skipped|error|deselected|xfailed).* in [0-9.]+s' $report | tail -n 1)
number() { grep -oE "[0-9]+ $1" <<<"$summary" | cut -d' ' -f1 | awk '{n += $1} END {print n + 0}'; }
failures=$(($(number failed) + $(number error)))
[ -z "$summary" ] && failures=1
echo "$(number passed) $failures $(number skipped)" >>"$COUNTS"

if [ -f build/test-figures.txt ]; then
    echo
    cat build/test-figures.txt
fi
read -r passed failed skipped < <(awk '{p += $1; f += $2; s += $3} END {print p, f, s}' "$COUNTS")
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
