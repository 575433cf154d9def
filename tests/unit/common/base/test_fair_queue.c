/* services/common/base/fair_queue: a group with many items does not delay or displace another. */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "services/common/base/fair_queue.h"

static int item[2000];

static int number_of(const void *value)
{
    return (int)((const int *)value - item);
}

static bool push(struct fair_queue *queue, const char *group, int number)
{
    void *displaced;
    bool accepted = fair_queue_push(queue, group, &item[number], &displaced);
    assert_null(displaced);
    return accepted;
}

static void assert_next(struct fair_queue *queue, int number)
{
    void *value = fair_queue_pop(queue);
    assert_non_null(value);
    assert_int_equal(number_of(value), number);
}

static void a_group_is_served_first_in_first_out(void **state)
{
    (void)state;
    struct fair_queue *queue = fair_queue_create(100, 100);
    assert_null(fair_queue_pop(queue));
    for (int i = 0; i < 100; i++)
        assert_true(push(queue, "one", i));
    for (int i = 0; i < 100; i++)
        assert_next(queue, i);
    assert_null(fair_queue_pop(queue));
    assert_int_equal(fair_queue_count(queue), 0);
    fair_queue_destroy(&queue);
    assert_null(queue);
    fair_queue_destroy(&queue);
}

static void a_single_item_waits_for_one_of_a_thousand_of_another_group(void **state)
{
    (void)state;
    struct fair_queue *queue = fair_queue_create(2000, 1000);
    for (int i = 0; i < 1000; i++)
        assert_true(push(queue, "flood", i));
    assert_next(queue, 0);
    assert_true(push(queue, "single", 1500));
    assert_next(queue, 1);
    assert_next(queue, 1500);
    assert_next(queue, 2);
    fair_queue_destroy(&queue);
}

static void groups_take_turns_whatever_they_have(void **state)
{
    (void)state;
    static const char *const groups[] = { "a", "", "c" };
    struct fair_queue *queue = fair_queue_create(100, 100);
    for (int group = 0; group < 3; group++)
        for (int i = 0; i < 2 + group; i++)
            assert_true(push(queue, groups[group], group * 10 + i));
    static const int order[] = { 0, 10, 20, 1, 11, 21, 12, 22, 23 };
    for (size_t i = 0; i < COUNT_OF(order); i++)
        assert_next(queue, order[i]);
    fair_queue_destroy(&queue);
}

/* It comes last, as one that is new: it does not overtake by leaving. */
static void a_group_that_was_empty_begins_at_the_end(void **state)
{
    (void)state;
    struct fair_queue *queue = fair_queue_create(100, 100);
    push(queue, "a", 1);
    push(queue, "b", 2);
    push(queue, "b", 3);
    assert_next(queue, 1);
    push(queue, "a", 4);
    assert_next(queue, 2);
    assert_next(queue, 4);
    assert_next(queue, 3);
    fair_queue_destroy(&queue);
}

static void a_group_has_a_bound_of_its_own(void **state)
{
    (void)state;
    struct fair_queue *queue = fair_queue_create(10, 3);
    for (int i = 0; i < 3; i++)
        assert_true(push(queue, "a", i));
    assert_false(push(queue, "a", 3));
    assert_true(push(queue, "b", 4));
    assert_next(queue, 0);
    assert_true(push(queue, "a", 5));
    assert_int_equal(fair_queue_count(queue), 4);
    fair_queue_destroy(&queue);
}

static void in_a_full_queue_the_newest_of_the_largest_group_makes_place(void **state)
{
    (void)state;
    void *displaced;
    struct fair_queue *queue = fair_queue_create(10, 10);
    for (int i = 0; i < 8; i++)
        push(queue, "flood", i);
    push(queue, "other", 20);
    push(queue, "other", 21);
    assert_false(push(queue, "flood", 9));
    assert_true(fair_queue_push(queue, "single", &item[30], &displaced));
    assert_int_equal(number_of(displaced), 7);
    assert_int_equal(fair_queue_count(queue), 10);
    assert_next(queue, 0);
    assert_next(queue, 20);
    assert_next(queue, 30);
    assert_next(queue, 1);
    fair_queue_destroy(&queue);
}

/* Otherwise two that are alike would displace each other for ever. */
static void in_a_full_queue_nothing_makes_place_for_as_large_a_group(void **state)
{
    (void)state;
    char group[16];
    struct fair_queue *queue = fair_queue_create(10, 10);
    for (int i = 0; i < 10; i++) {
        snprintf(group, sizeof(group), "%d", i);
        assert_true(push(queue, group, i));
    }
    assert_false(push(queue, "new", 10));
    assert_false(push(queue, "3", 11));
    for (int i = 0; i < 10; i++)
        assert_next(queue, i);
    fair_queue_destroy(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_is_served_first_in_first_out),
        cmocka_unit_test(a_single_item_waits_for_one_of_a_thousand_of_another_group),
        cmocka_unit_test(groups_take_turns_whatever_they_have),
        cmocka_unit_test(a_group_that_was_empty_begins_at_the_end),
        cmocka_unit_test(a_group_has_a_bound_of_its_own),
        cmocka_unit_test(in_a_full_queue_the_newest_of_the_largest_group_makes_place),
        cmocka_unit_test(in_a_full_queue_nothing_makes_place_for_as_large_a_group),
    };
    return cmocka_run_group_tests_name("fair_queue", tests, NULL, NULL);
}
