/* gateway/limits/ratelimit: token buckets by name, with the clock in the test's hand. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "gateway/limits/ratelimit.h"
#include "services/common/base/clock.h"

static size_t take_all(struct ratelimit *limit, const char *name)
{
    int64_t retry_ms = 0;
    size_t taken = 0;
    while (taken < 100000 && ratelimit_admit(limit, name, &retry_ms))
        taken++;
    return taken;
}

static void a_burst_is_accepted_and_no_more(void **state)
{
    (void)state;
    struct ratelimit *limit = ratelimit_create(10, 1000000000, 7);
    assert_int_equal(take_all(limit, "a"), 7);
    assert_int_equal(take_all(limit, "a"), 0);
    ratelimit_destroy(&limit);
    assert_null(limit);
    ratelimit_destroy(&limit);
}

static void a_charge_is_made_up_before_the_next_token(void **state)
{
    (void)state;
    struct ratelimit *limit = ratelimit_create(10, 1000, 5);
    int64_t retry_ms = 0;
    ratelimit_charge(limit, "a", 24);
    assert_int_equal(take_all(limit, "b"), 5);
    assert_false(ratelimit_admit(limit, "a", &retry_ms));
    assert_in_range(retry_ms, 1900, 2001); /* 5 - 24 + 20 */
    clock_advance_for_test(2001);
    assert_true(ratelimit_admit(limit, "a", &retry_ms));
    ratelimit_destroy(&limit);
    limit = ratelimit_create(0, 1000, 5); /* no limit */
    ratelimit_charge(limit, "a", 1000);
    assert_true(ratelimit_admit(limit, "a", &retry_ms));
    ratelimit_destroy(&limit);
}

static void names_have_separate_budgets(void **state)
{
    (void)state;
    struct ratelimit *limit = ratelimit_create(1, 1000000000, 3);
    assert_int_equal(take_all(limit, "a"), 3);
    assert_int_equal(take_all(limit, "b"), 3);
    assert_int_equal(take_all(limit, ""), 3);
    assert_int_equal(take_all(limit, "a"), 0);
    ratelimit_destroy(&limit);
}

static void spent_budget_returns_with_time(void **state)
{
    (void)state;
    struct ratelimit *limit = ratelimit_create(60, 60000000, 60); /* one in 1000 s */
    assert_int_equal(take_all(limit, "a"), 60);
    clock_advance_for_test(999 * 1000);
    assert_int_equal(take_all(limit, "a"), 0);
    clock_advance_for_test(1001);
    assert_int_equal(take_all(limit, "a"), 1);
    clock_advance_for_test(5 * 1000 * 1000 + 1);
    assert_int_equal(take_all(limit, "a"), 5);
    ratelimit_destroy(&limit);
}

static void an_idle_bucket_never_holds_more_than_a_burst(void **state)
{
    (void)state;
    static const int64_t rests_ms[] = { 3000, 9000, INT64_C(100) * 365 * 86400 * 1000 };
    struct ratelimit *limit = ratelimit_create(10, 1000, 20);
    take_all(limit, "a");
    for (size_t i = 0; i < COUNT_OF(rests_ms); i++) {
        clock_advance_for_test(rests_ms[i]);
        assert_in_range(take_all(limit, "a"), 20, 25); /* and what comes while it is taken */
    }
    ratelimit_destroy(&limit);
}

static void the_time_to_wait_is_returned_and_exact(void **state)
{
    (void)state;
    struct ratelimit *limit = ratelimit_create(3, 60000000, 3);
    int64_t retry_ms = -1;
    for (int i = 0; i < 3; i++)
        assert_true(ratelimit_admit(limit, "a", &retry_ms));
    assert_int_equal(retry_ms, -1);
    assert_false(ratelimit_admit(limit, "a", &retry_ms));
    assert_in_range(retry_ms, 1, 20000001);
    clock_advance_for_test(retry_ms - 10000);
    assert_false(ratelimit_admit(limit, "a", &retry_ms));
    assert_in_range(retry_ms, 1, 10001);
    clock_advance_for_test(retry_ms);
    assert_true(ratelimit_admit(limit, "a", &retry_ms));
    ratelimit_destroy(&limit);
}

static void a_count_of_zero_is_no_limit(void **state)
{
    (void)state;
    struct ratelimit *limit = ratelimit_create(0, 60000, 0);
    assert_int_equal(take_all(limit, "a"), 100000);
    ratelimit_destroy(&limit);
}

static void an_idle_name_starts_with_a_full_burst(void **state)
{
    (void)state;
    struct ratelimit *limit = ratelimit_create(10, 10000, 10);
    assert_int_equal(take_all(limit, "quiet"), 10);
    clock_advance_for_test(20000); /* so long that it is forgotten at the next take */
    assert_int_equal(take_all(limit, "other"), 10);
    assert_int_equal(take_all(limit, "quiet"), 10);
    ratelimit_destroy(&limit);
}

static void more_busy_names_than_are_kept_start_with_a_full_burst(void **state)
{
    (void)state;
    struct ratelimit *limit = ratelimit_create(1, 1000000000, 2);
    assert_int_equal(take_all(limit, "name-0"), 2);
    int64_t retry_ms;
    for (unsigned n = 1; n < RATELIMIT_NAMES_MAX; n++) {
        char name[32];
        snprintf(name, sizeof(name), "name-%u", n);
        assert_true(ratelimit_admit(limit, name, &retry_ms));
    }
    assert_false(ratelimit_admit(limit, "name-0", &retry_ms)); /* the limit: all are kept */
    assert_true(ratelimit_admit(limit, "one more", &retry_ms));
    assert_true(ratelimit_admit(limit, "name-0", &retry_ms)); /* limit + 1: begun anew */
    ratelimit_destroy(&limit);
}

struct takers {
    struct ratelimit *limit;
    atomic_size_t taken;
};

static void *take_many(void *arg)
{
    struct takers *takers = arg;
    for (int i = 0; i < 2000; i++) {
        int64_t retry_ms;
        if (ratelimit_admit(takers->limit, "shared", &retry_ms))
            atomic_fetch_add(&takers->taken, 1);
    }
    return NULL;
}

static void threads_together_get_one_burst(void **state)
{
    (void)state;
    struct takers takers = { .limit = ratelimit_create(1, 1000000000, 1000) };
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &takers), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(takers.taken, 1000);
    ratelimit_destroy(&takers.limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_accepted_and_no_more),
        cmocka_unit_test(a_charge_is_made_up_before_the_next_token),
        cmocka_unit_test(names_have_separate_budgets),
        cmocka_unit_test(spent_budget_returns_with_time),
        cmocka_unit_test(an_idle_bucket_never_holds_more_than_a_burst),
        cmocka_unit_test(the_time_to_wait_is_returned_and_exact),
        cmocka_unit_test(a_count_of_zero_is_no_limit),
        cmocka_unit_test(an_idle_name_starts_with_a_full_burst),
        cmocka_unit_test(more_busy_names_than_are_kept_start_with_a_full_burst),
        cmocka_unit_test(threads_together_get_one_burst),
    };
    return cmocka_run_group_tests_name("ratelimit", tests, NULL, NULL);
}
