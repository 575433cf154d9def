/* gateway/socket/byte_budget: what clients may hold, each and together. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

#include "gateway/socket/byte_budget.h"

enum { KIB = 1024 };

static void a_user_has_a_maximum(void **state)
{
    (void)state;
    struct byte_budget *budget = byte_budget_create(1000 * KIB, 300 * KIB);
    assert_true(byte_budget_take(budget, "amy", 200 * KIB));
    assert_false(byte_budget_take(budget, "amy", 101 * KIB));
    assert_true(byte_budget_take(budget, "amy", 100 * KIB));
    assert_false(byte_budget_take(budget, "amy", 1));
    assert_true(byte_budget_take(budget, "bob", 300 * KIB));
    byte_budget_return(budget, "amy", 300 * KIB);
    assert_true(byte_budget_take(budget, "amy", 300 * KIB));
    assert_false(byte_budget_take(budget, "cid", SIZE_MAX));
    byte_budget_destroy(&budget);
}

static void the_process_has_a_maximum_but_each_user_a_little(void **state)
{
    (void)state;
    struct byte_budget *budget = byte_budget_create(600 * KIB, 300 * KIB);
    assert_true(byte_budget_take(budget, "amy", 300 * KIB));
    assert_true(byte_budget_take(budget, "bob", 300 * KIB));
    assert_false(byte_budget_take(budget, "cid", 100 * KIB));
    assert_true(byte_budget_take(budget, "cid", BYTE_BUDGET_SMALL));
    assert_false(byte_budget_take(budget, "cid", 1));
    assert_true(byte_budget_take(budget, "dan", BYTE_BUDGET_SMALL / 2));
    byte_budget_return(budget, "bob", 300 * KIB);
    assert_true(byte_budget_take(budget, "cid", 100 * KIB));
    byte_budget_destroy(&budget);
}

static void what_is_there_already_is_counted_in_any_case(void **state)
{
    (void)state;
    struct byte_budget *budget = byte_budget_create(100 * KIB, 100 * KIB);
    byte_budget_force(budget, "amy", 500 * KIB);
    assert_int_equal(byte_budget_used(budget), 500 * KIB);
    assert_false(byte_budget_take(budget, "amy", 1));
    assert_true(byte_budget_take(budget, "bob", KIB));
    byte_budget_return(budget, "amy", 450 * KIB);
    assert_true(byte_budget_take(budget, "amy", KIB));
    assert_int_equal(byte_budget_used(budget), 52 * KIB);
    byte_budget_destroy(&budget);
}

static void *take_and_return(void *arg)
{
    struct byte_budget *budget = arg;
    for (unsigned i = 0; i < 20000; i++) {
        char user[16];
        snprintf(user, sizeof(user), "u%u", i % 7);
        if (byte_budget_take(budget, user, 1 + i % 4096))
            byte_budget_return(budget, user, 1 + i % 4096);
    }
    return NULL;
}

static void threads_give_back_all_they_take(void **state)
{
    (void)state;
    struct byte_budget *budget = byte_budget_create(16 * KIB, 8 * KIB);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_return, budget), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(byte_budget_used(budget), 0);
    byte_budget_destroy(&budget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_has_a_maximum),
        cmocka_unit_test(the_process_has_a_maximum_but_each_user_a_little),
        cmocka_unit_test(what_is_there_already_is_counted_in_any_case),
        cmocka_unit_test(threads_give_back_all_they_take),
    };
    return cmocka_run_group_tests_name("byte_budget", tests, NULL, NULL);
}
