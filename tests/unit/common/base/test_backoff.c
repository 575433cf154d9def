/* services/common/base/backoff: pauses that grow, have a bound, and are by chance. */
#include "tests/unit/unit.h"

#include "services/common/base/backoff.h"
#include "services/common/base/clock.h"

enum { TRIES = 2000, MIN = 100, MAX = 5000 };

static void a_jittered_pause_is_from_half_to_one_and_a_half(void **state)
{
    (void)state;
    int64_t min = INT64_MAX, max = 0;
    for (int i = 0; i < TRIES; i++) {
        int64_t ms = backoff_jittered(1000);
        assert_in_range(ms, 500, 1500);
        min = ms < min ? ms : min;
        max = ms > max ? ms : max;
    }
    assert_true(min < 550 && max > 1450);
}

static void pauses_double_up_to_the_bound(void **state)
{
    (void)state;
    static const int64_t middle[] = { 100, 200, 400, 800, 1600, 3200 };
    for (unsigned failures = 1; failures <= COUNT_OF(middle); failures++)
        for (int i = 0; i < TRIES; i++)
            assert_in_range(backoff_pause(failures, MIN, MAX), middle[failures - 1] / 2,
                            middle[failures - 1] * 3 / 2 + 1);
    for (int i = 0; i < TRIES; i++) {
        assert_in_range(backoff_pause(7, MIN, MAX), MAX / 2, MAX);
        assert_in_range(backoff_pause(4000000000u, MIN, MAX), MAX / 2, MAX);
    }
}

/* A tick may pass between the look at the clock and the call. */
static void pauses_on_a_grid_end_together_and_are_still_jittered(void **state)
{
    (void)state;
    for (int i = 0; i < TRIES; i++) {
        int64_t before = clock_mono_ms(), ms = backoff_on_grid(1000, 500), after = clock_mono_ms();
        assert_in_range(ms, 501, 2000);
        assert_true((before + ms) % 500 == 0 || (after + ms) % 500 <= after - before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_jittered_pause_is_from_half_to_one_and_a_half),
        cmocka_unit_test(pauses_double_up_to_the_bound),
        cmocka_unit_test(pauses_on_a_grid_end_together_and_are_still_jittered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
