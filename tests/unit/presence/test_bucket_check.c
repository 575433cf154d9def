/* services/presence/bucket_check: whether the bucket is still the one that was read. */
#include "tests/unit/unit.h"

#include <stdint.h>
#include <string.h>

#include "services/presence/bucket_check.h"

/* A bucket with ten keys, whose revisions are 91 to 100, and its replica. */
static const struct bus_kv_state whole = { .created_ns = 5, .first = 91, .last = 100, .count = 10 };
static const struct presence_extent replica = { .count = 10, .oldest = 91, .newest = 100 };

static struct bucket_check begin(void)
{
    struct bucket_check check;

    bucket_check_begin(&check, &whole);
    return check;
}

#define ASSERT_SAME(check, state, extent, seen)                                                    \
    assert_null(bucket_check_look((check), STATUS_OK, (state), (extent), (seen)))
#define ASSERT_LOST(check, state, extent, seen)                                                    \
    assert_non_null(bucket_check_look((check), STATUS_OK, (state), (extent), (seen)))

static void a_bucket_that_does_not_change_is_the_same(void **state)
{
    struct bucket_check check = begin();

    (void)state;
    for (int i = 0; i < 5; i++)
        ASSERT_SAME(&check, &whole, &replica, 100);
}

static void a_bucket_that_changes_is_the_same_as_long_as_the_watch_follows(void **state)
{
    struct bucket_check check = begin();
    struct bus_kv_state now = whole;
    struct presence_extent extent = replica;

    (void)state;
    for (uint64_t i = 0; i < 50; i++) {
        uint64_t seen = now.last; /* one look late */
        now.last += 10;
        now.first += 10; /* each key changes in turn */
        ASSERT_SAME(&check, &now, &extent, seen);
        extent.oldest += 10;
    }
}

static void an_empty_bucket_is_the_same(void **state)
{
    struct bus_kv_state empty = { .created_ns = 5 }, purged = { 5, 101, 100, 0 };
    struct presence_extent nobody = { .oldest = UINT64_MAX };
    struct bucket_check check;

    (void)state;
    bucket_check_begin(&check, &empty);
    ASSERT_SAME(&check, &empty, &nobody, 0);
    bucket_check_begin(&check, &purged);
    ASSERT_SAME(&check, &purged, &nobody, 100);
}

static void a_deleted_bucket_is_lost(void **state)
{
    struct bucket_check check = begin();

    (void)state;
    assert_non_null(bucket_check_look(&check, STATUS_NOT_FOUND, NULL, &replica, 100));
}

static void another_bucket_of_the_same_name_is_lost(void **state)
{
    struct bucket_check check = begin();
    struct bus_kv_state other = whole;

    (void)state;
    other.created_ns++;
    ASSERT_LOST(&check, &other, &replica, 100);
}

static void a_server_that_has_lost_its_memory_is_lost(void **state)
{
    struct bucket_check check = begin();
    struct bus_kv_state emptied = { .created_ns = 5, .first = 1, .last = 3, .count = 3 };

    (void)state;
    ASSERT_LOST(&check, &emptied, &replica, 100);
}

static void a_purge_shows_at_once_or_at_the_second_look(void **state)
{
    struct bucket_check check = begin();
    struct bus_kv_state purged = { .created_ns = 5, .first = 101, .last = 100, .count = 0 };

    (void)state;
    ASSERT_LOST(&check, &purged, &replica, 100);

    check = begin();
    purged = (struct bus_kv_state){ 5, 101, 103, 3 }; /* three keys have changed since */
    ASSERT_SAME(&check, &purged, &replica, 103);      /* the others may be on their way */
    purged.last = 110;
    ASSERT_LOST(&check, &purged, &replica, 110);
}

static void a_key_that_was_removed_shows_once_nothing_changes(void **state)
{
    struct bucket_check check = begin();
    struct bus_kv_state fewer = whole;

    (void)state;
    fewer.count = 9;
    fewer.last = 101;
    ASSERT_SAME(&check, &fewer, &replica, 101);
    ASSERT_LOST(&check, &fewer, &replica, 101);
}

static void a_watch_that_stands_still_while_the_bucket_changes_is_lost(void **state)
{
    struct bucket_check check = begin();
    struct bus_kv_state now = whole;

    (void)state;
    now.last = 101;
    ASSERT_SAME(&check, &now, &replica, 100); /* in flight */
    ASSERT_LOST(&check, &now, &replica, 100);
}

static void several_looks_without_an_answer_are_a_loss(void **state)
{
    struct bucket_check check = begin();

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 1; i < BUCKET_CHECK_UNANSWERED; i++)
            assert_null(bucket_check_look(&check, STATUS_DEADLINE_EXCEEDED, NULL, &replica, 100));
        ASSERT_SAME(&check, &whole, &replica, 100);
    }
    for (int i = 1; i < BUCKET_CHECK_UNANSWERED; i++)
        assert_null(bucket_check_look(&check, STATUS_UNAVAILABLE, NULL, &replica, 100));
    assert_non_null(bucket_check_look(&check, STATUS_UNAVAILABLE, NULL, &replica, 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_that_does_not_change_is_the_same),
        cmocka_unit_test(a_bucket_that_changes_is_the_same_as_long_as_the_watch_follows),
        cmocka_unit_test(an_empty_bucket_is_the_same),
        cmocka_unit_test(a_deleted_bucket_is_lost),
        cmocka_unit_test(another_bucket_of_the_same_name_is_lost),
        cmocka_unit_test(a_server_that_has_lost_its_memory_is_lost),
        cmocka_unit_test(a_purge_shows_at_once_or_at_the_second_look),
        cmocka_unit_test(a_key_that_was_removed_shows_once_nothing_changes),
        cmocka_unit_test(a_watch_that_stands_still_while_the_bucket_changes_is_lost),
        cmocka_unit_test(several_looks_without_an_answer_are_a_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
