/* services/common/base/clock: times that were sent from outside. */
#include "tests/unit/unit.h"

#include <stdint.h>

#include "services/common/base/clock.h"

static void seconds_beyond_milliseconds_are_the_greatest(void **state)
{
    (void)state;
    assert_true(clock_s_to_ms(0) == 0);
    assert_true(clock_s_to_ms(-7) == -7000);
    assert_true(clock_s_to_ms(1600000000) == INT64_C(1600000000000));
    assert_true(clock_s_to_ms(INT64_MAX / 1000) == INT64_MAX / 1000 * 1000);
    assert_true(clock_s_to_ms(INT64_MAX / 1000 + 1) == INT64_MAX);
    assert_true(clock_s_to_ms(INT64_MAX) == INT64_MAX);
    assert_true(clock_s_to_ms(INT64_MIN) == INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_beyond_milliseconds_are_the_greatest),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
