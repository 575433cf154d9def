/* services/user/login/login_limit: when the next log-in may be tried. */
#include "tests/unit/unit.h"

#include "services/user/login/login_limit.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static const struct login_limit of_account = { 5, true };
static const struct login_limit of_network = { 60, false }; /* one is forgotten a minute */
static const int64_t now = 1700000000000;

static struct failed_logins failed(const struct login_limit *limit, int times, int64_t at_ms)
{
    struct failed_logins counter = { .failures = 0 };
    for (int i = 0; i < times; i++)
        login_limit_add(limit, &counter, at_ms);
    return counter;
}

static int64_t wait_of(const struct login_limit *limit, int times, int64_t later_ms)
{
    struct failed_logins counter = failed(limit, times, now);
    return login_limit_wait_ms(limit, &counter, now + later_ms);
}

/* Of an account */

static void who_mistypes_a_few_times_does_not_wait(void **state)
{
    (void)state;
    for (int failures = 0; failures < 5; failures++)
        assert_int_equal(wait_of(&of_account, failures, 0), 0);
}

static void each_further_failure_doubles_the_wait_up_to_the_longest(void **state)
{
    (void)state;
    int64_t expected = SECOND;
    for (int failures = 5; failures < 200; failures++) {
        assert_int_equal(wait_of(&of_account, failures, 0), expected);
        expected = 2 * expected < 15 * MINUTE ? 2 * expected : 15 * MINUTE;
    }
}

static void a_wait_ends_and_not_before(void **state)
{
    (void)state;
    assert_int_equal(wait_of(&of_account, 7, 1), 4 * SECOND - 1);
    assert_int_equal(wait_of(&of_account, 7, 4 * SECOND - 1), 1);
    assert_int_equal(wait_of(&of_account, 7, 4 * SECOND), 0);
    assert_int_equal(wait_of(&of_account, 7, HOUR), 0);
}

/* 69 guesses a minute, from anywhere: how many are verified of those of an hour and of a day. */
static void a_steady_guesser_has_few_guesses(void **state)
{
    (void)state;
    struct failed_logins counter = { .failures = 0 };
    int tried = 0, in_an_hour = 0;
    for (int64_t at = 0; at < DAY; at += MINUTE / 69) {
        if (login_limit_wait_ms(&of_account, &counter, now + at) == 0) {
            login_limit_add(&of_account, &counter, now + at);
            tried++;
            in_an_hour += at < HOUR;
        }
    }
    assert_in_range(in_an_hour, 10, 20);
    assert_in_range(tried, 90, 120);
}

static void failures_are_forgotten_after_a_day_without_one(void **state)
{
    (void)state;
    struct failed_logins counter = failed(&of_account, 9, now);
    assert_int_equal(login_limit_failures(&of_account, &counter, now + DAY - 1), 9);
    assert_int_equal(login_limit_failures(&of_account, &counter, now + DAY), 0);
    assert_int_equal(counter.expires_ms, now + DAY);
    login_limit_add(&of_account, &counter, now + DAY - 1);
    assert_int_equal(counter.failures, 10);
    login_limit_add(&of_account, &counter, now + 3LL * DAY);
    assert_int_equal(counter.failures, 1);
}

static void a_failure_that_was_none_is_taken_back(void **state)
{
    (void)state;
    struct failed_logins counter = failed(&of_account, 6, now - HOUR);
    login_limit_add(&of_account, &counter, now);
    login_limit_take_back(&counter);
    assert_int_equal(counter.failures, 6);
    counter.failures = 0;
    login_limit_take_back(&counter);
    assert_int_equal(counter.failures, 0);
}

/* Of a network */

static void the_failures_of_a_network_are_bounded_in_an_hour(void **state)
{
    (void)state;
    struct failed_logins counter = { .failures = 0 };
    int tried = 0;
    for (int64_t at = 0; at < HOUR; at += SECOND) {
        if (login_limit_wait_ms(&of_network, &counter, now + at) == 0) {
            login_limit_add(&of_network, &counter, now + at);
            tried++;
        }
    }
    assert_in_range(tried, 60 + 59, 60 + 60); /* at once, and one for each minute that has passed */
}

static void the_wait_of_a_network_does_not_grow(void **state)
{
    (void)state;
    for (int failures = 0; failures < 60; failures++)
        assert_int_equal(wait_of(&of_network, failures, 0), 0);
    assert_int_equal(wait_of(&of_network, 60, 0), MINUTE);
    assert_int_equal(wait_of(&of_network, 60, 59 * SECOND), SECOND);
    assert_int_equal(wait_of(&of_network, 60, MINUTE), 0);
    assert_int_equal(wait_of(&of_network, 61, MINUTE), MINUTE);
    assert_int_equal(wait_of(&of_network, 61, 2 * MINUTE), 0);
}

/* Or failures that are frequent enough would never be forgotten. */
static void failures_of_a_network_are_forgotten_while_others_are_added(void **state)
{
    (void)state;
    struct failed_logins counter = { .failures = 0 };
    for (int64_t at = 0; at < 10 * MINUTE; at += 50 * SECOND)
        login_limit_add(&of_network, &counter, now + at);
    assert_int_equal(counter.failures, 12 - 9); /* 9 whole minutes have passed at the last */
    assert_int_equal(counter.expires_ms, counter.at_ms + 3 * MINUTE);
    assert_int_equal(login_limit_failures(&of_network, &counter, counter.expires_ms - 1), 1);
    assert_int_equal(login_limit_failures(&of_network, &counter, counter.expires_ms), 0);
}

/* Both */

static void no_limit_with_zero(void **state)
{
    (void)state;
    static const struct login_limit none[] = { { 0, true }, { 0, false } };
    for (size_t i = 0; i < COUNT_OF(none); i++)
        assert_int_equal(wait_of(&none[i], 1000, 0), 0);
}

static void the_largest_limits_are_computed_without_overflow(void **state)
{
    (void)state;
    static const struct login_limit largest = { 8 * 1000000, false };
    struct failed_logins counter = { .failures = INT64_MAX / 2, .at_ms = now };
    assert_in_range(login_limit_wait_ms(&largest, &counter, now), 1, HOUR);
    assert_int_equal(login_limit_wait_ms(&of_account, &counter, now), 15 * MINUTE);
    assert_int_equal(wait_of(&largest, 10, 0), 0);
}

static void a_clock_that_is_wrong_locks_nobody_out(void **state)
{
    (void)state;
    struct failed_logins ahead = failed(&of_account, 9, now + 10 * MINUTE);
    assert_int_equal(login_limit_wait_ms(&of_account, &ahead, now), 16 * SECOND);
    ahead = failed(&of_account, 9, now + 30LL * DAY);
    assert_int_equal(login_limit_wait_ms(&of_account, &ahead, now), 0);
    login_limit_add(&of_account, &ahead, now);
    assert_int_equal(ahead.failures, 10); /* not forgotten, either */
    assert_int_equal(login_limit_wait_ms(&of_account, &ahead, now), 32 * SECOND);
    ahead = failed(&of_network, 60, now + 30LL * DAY);
    assert_int_equal(login_limit_wait_ms(&of_network, &ahead, now), 0);
    ahead = failed(&of_network, 60, now + MINUTE);
    assert_int_equal(login_limit_wait_ms(&of_network, &ahead, now), MINUTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_mistypes_a_few_times_does_not_wait),
        cmocka_unit_test(each_further_failure_doubles_the_wait_up_to_the_longest),
        cmocka_unit_test(a_wait_ends_and_not_before),
        cmocka_unit_test(a_steady_guesser_has_few_guesses),
        cmocka_unit_test(failures_are_forgotten_after_a_day_without_one),
        cmocka_unit_test(a_failure_that_was_none_is_taken_back),
        cmocka_unit_test(the_failures_of_a_network_are_bounded_in_an_hour),
        cmocka_unit_test(the_wait_of_a_network_does_not_grow),
        cmocka_unit_test(failures_of_a_network_are_forgotten_while_others_are_added),
        cmocka_unit_test(no_limit_with_zero),
        cmocka_unit_test(the_largest_limits_are_computed_without_overflow),
        cmocka_unit_test(a_clock_that_is_wrong_locks_nobody_out),
    };
    return cmocka_run_group_tests_name("login_limit", tests, NULL, NULL);
}
