/* tests/bench/histogram: counts times, in buckets that grow with the time. */
#include "tests/unit/unit.h"

#include <string.h>

#include "tests/bench/histogram.h"

static struct histogram histogram;

static int begin(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof(histogram));
    return 0;
}

static void without_samples_everything_is_0(void **state)
{
    (void)state;
    assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
    assert_int_equal(histogram_quantile(&histogram, 1), 0);
    assert_int_equal(histogram_mean(&histogram), 0);
}

static void short_times_are_exact(void **state)
{
    (void)state;
    for (int64_t ns = 0; ns < 256; ns++)
        histogram_add(&histogram, ns);
    assert_int_equal(histogram.count, 256);
    assert_int_equal(histogram.min, 0);
    assert_int_equal(histogram.max, 255);
    assert_int_equal(histogram_quantile(&histogram, 0), 0);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 127);
    assert_int_equal(histogram_quantile(&histogram, 1), 255);
    assert_int_equal(histogram_mean(&histogram), 127);
}

/* Two of each, the longer one far away: the lower half is the time itself. */
static void no_time_is_reported_too_short_or_much_too_long(void **state)
{
    (void)state;
    for (int64_t ns = 1; ns < INT64_C(1) << HISTOGRAM_LONGEST_BITS; ns += ns / 3 + 1) {
        memset(&histogram, 0, sizeof(histogram));
        histogram_add(&histogram, ns);
        histogram_add(&histogram, INT64_MAX);
        int64_t notified = histogram_quantile(&histogram, 0.5);
        assert_true(notified >= ns);
        assert_true(notified <= ns + ns / 128);
    }
}

static void durations_next_to_a_power_of_two_are_distinguished(void **state)
{
    (void)state;
    for (int bits = HISTOGRAM_BITS + 1; bits < HISTOGRAM_LONGEST_BITS; bits++) {
        memset(&histogram, 0, sizeof(histogram));
        histogram_add(&histogram, (INT64_C(1) << bits) - 1);
        histogram_add(&histogram, INT64_C(1) << bits);
        assert_int_equal(histogram_quantile(&histogram, 0.5), (INT64_C(1) << bits) - 1);
        assert_int_equal(histogram_quantile(&histogram, 1), INT64_C(1) << bits);
    }
}

static void a_rare_long_time_shows_in_its_quantile(void **state)
{
    (void)state;
    for (int i = 0; i < 990; i++)
        histogram_add(&histogram, 100);
    for (int i = 0; i < 10; i++)
        histogram_add(&histogram, 5000000);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 100);
    assert_int_equal(histogram_quantile(&histogram, 0.99), 100);
    assert_true(histogram_quantile(&histogram, 0.991) >= 5000000);
    assert_int_equal(histogram_quantile(&histogram, 1), 5000000);
    assert_int_equal(histogram.max, 5000000);
}

static void values_out_of_bounds_count_as_the_bound(void **state)
{
    (void)state;
    histogram_add(&histogram, -5);
    histogram_add(&histogram, INT64_MAX);
    assert_int_equal(histogram.count, 2);
    assert_int_equal(histogram.min, 0);
    assert_int_equal(histogram.max, (INT64_C(1) << HISTOGRAM_LONGEST_BITS) - 1);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
    assert_int_equal(histogram_quantile(&histogram, 1), (INT64_C(1) << HISTOGRAM_LONGEST_BITS) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_samples_everything_is_0, begin),
        cmocka_unit_test_setup(short_times_are_exact, begin),
        cmocka_unit_test_setup(no_time_is_reported_too_short_or_much_too_long, begin),
        cmocka_unit_test_setup(durations_next_to_a_power_of_two_are_distinguished, begin),
        cmocka_unit_test_setup(a_rare_long_time_shows_in_its_quantile, begin),
        cmocka_unit_test_setup(values_out_of_bounds_count_as_the_bound, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
