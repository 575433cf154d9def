/* gateway/push/due_queue: whatever is put in, moved and taken out, the first is the one due first.
 */

#include "tests/unit/unit.h"

#include "gateway/push/due_queue.h"

enum { ITEMS = 100, STEPS = 20000 };

static void in_an_empty_queue_nothing_is_due(void **state)
{
    struct due_queue queue = { 0 };
    struct due_item item = { 0 };

    (void)state;
    assert_null(due_queue_first(&queue));
    due_queue_remove(&queue, &item);
    due_queue_put(&queue, &item, 5);
    assert_ptr_equal(due_queue_first(&queue), &item);
    due_queue_remove(&queue, &item);
    assert_null(due_queue_first(&queue));
    due_queue_finish(&queue);
}

static int64_t earliest(const struct due_item *items)
{
    int64_t due_ms = INT64_MAX;

    for (size_t i = 0; i < ITEMS; i++)
        if (items[i].place != 0 && items[i].due_ms < due_ms)
            due_ms = items[i].due_ms;
    return due_ms;
}

static void the_first_is_due_first_whatever_was_moved_or_removed(void **state)
{
    struct due_queue queue = { 0 };
    struct due_item items[ITEMS] = { { 0 } };
    unsigned random = 1;

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        random = random * 1664525u + 1013904223u;
        struct due_item *item = &items[(random >> 8) % ITEMS];
        if ((random >> 20) % 3 == 0)
            due_queue_remove(&queue, item);
        else
            due_queue_put(&queue, item, (random >> 16) % 1000);
        const struct due_item *first = due_queue_first(&queue);
        assert_int_equal(first != NULL ? first->due_ms : INT64_MAX, earliest(items));
    }
    due_queue_finish(&queue);
}

static void due_entries_are_returned_in_order(void **state)
{
    struct due_queue queue = { 0 };
    struct due_item items[ITEMS] = { { 0 } };
    int64_t before = -1;
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < ITEMS; i++)
        due_queue_put(&queue, &items[i], (int64_t)(i * 37 % ITEMS));
    for (struct due_item *item; (item = due_queue_first(&queue)) != NULL; count++) {
        assert_true(item->due_ms > before);
        before = item->due_ms;
        due_queue_remove(&queue, item);
    }
    assert_int_equal(count, ITEMS);
    due_queue_finish(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_an_empty_queue_nothing_is_due),
        cmocka_unit_test(the_first_is_due_first_whatever_was_moved_or_removed),
        cmocka_unit_test(due_entries_are_returned_in_order),
    };
    return cmocka_run_group_tests_name("due_queue", tests, NULL, NULL);
}
