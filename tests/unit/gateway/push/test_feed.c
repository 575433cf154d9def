/* gateway/push/feed: every change once, in order, without holes, whatever the bus does. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/push/feed.h"

enum { PUSHED_MAX = 4096 };

struct fixture {
    struct feed feed;
    struct feed_outlet outlet;
    uint64_t pushed[PUSHED_MAX];
    char by[PUSHED_MAX][8]; /* the session that each names */
    size_t count;
    size_t capacity; /* for so many in all */
};

static bool has_space(void *ctx)
{
    const struct fixture *f = ctx;
    return f->count < f->capacity;
}

static void note_push(void *ctx, const Messenger__Notification *notification)
{
    struct fixture *f = ctx;
    assert_true(f->count < PUSHED_MAX);
    snprintf(f->by[f->count], sizeof(f->by[0]), "%s", notification->exclude_session);
    f->pushed[f->count++] = notification->user_seq;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    f->outlet = (struct feed_outlet){ note_push, has_space, f };
    f->capacity = PUSHED_MAX;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    feed_forget(&f->feed);
    free(f);
    return 0;
}

/* As wire_unpack would make it. */
static Messenger__Notification *make(uint64_t user_seq, const char *by)
{
    Messenger__Notification *n = malloc(sizeof(*n));
    assert_non_null(n);
    messenger__notification__init(n);
    n->user_seq = user_seq;
    if (*by != '\0')
        n->exclude_session = strdup(by);
    return n;
}

static void take(struct fixture *f, uint64_t user_seq)
{
    feed_take(&f->feed, make(user_seq, "bus"), &f->outlet);
}

/* The store tells of [first, last]. */
static bool fill(struct fixture *f, uint64_t first, uint64_t last)
{
    Messenger__Notification *changes[256] = { NULL };
    size_t n = 0;
    for (uint64_t seq = first; seq <= last; seq++)
        changes[n++] = make(seq, "");
    bool all = feed_fill(&f->feed, changes, n, last, &f->outlet);
    for (size_t i = 0; i < n; i++)
        free(changes[i]);
    return all;
}

#define ASSERT_PUSHED(f, ...)                                                                      \
    do {                                                                                           \
        const uint64_t wanted[] = { __VA_ARGS__ };                                                 \
        assert_int_equal((f)->count, COUNT_OF(wanted));                                            \
        assert_memory_equal((f)->pushed, wanted, sizeof(wanted));                                  \
    } while (0)

static void changes_in_order_are_pushed_at_once(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    take(f, 8);
    take(f, 9);
    ASSERT_PUSHED(f, 8, 9);
    assert_false(feed_has_hole(&f->feed));
}

static void unnumbered_notifications_are_pushed_whatever_is_missing(void **state)
{
    struct fixture *f = *state;
    take(f, 0);
    feed_note_newest(&f->feed, 7, &f->outlet);
    take(f, 9);
    take(f, 0);
    ASSERT_PUSHED(f, 0, 0);
}

static void duplicate_and_late_changes_are_dropped(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    take(f, 7);
    take(f, 8);
    take(f, 8);
    take(f, 3);
    ASSERT_PUSHED(f, 8);
    assert_false(feed_has_hole(&f->feed));
}

static void a_change_that_overtakes_waits_for_the_earlier_one(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    take(f, 10);
    take(f, 9);
    take(f, 10);
    assert_int_equal(f->count, 0);
    assert_true(feed_has_hole(&f->feed));
    take(f, 8);
    ASSERT_PUSHED(f, 8, 9, 10);
    assert_false(feed_has_hole(&f->feed));
}

static void a_gap_is_filled_from_the_store_in_order(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    take(f, 8);
    take(f, 11);
    take(f, 13);
    fill(f, 9, 10);
    ASSERT_PUSHED(f, 8, 9, 10, 11);
    assert_true(feed_has_hole(&f->feed));
    fill(f, 12, 13);
    ASSERT_PUSHED(f, 8, 9, 10, 11, 12, 13);
    assert_false(feed_has_hole(&f->feed));
}

static void held_changes_are_pushed_as_the_bus_delivered_them(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    take(f, 9);
    fill(f, 8, 10);
    ASSERT_PUSHED(f, 8, 9, 10);
    assert_string_equal(f->by[0], "");
    assert_string_equal(f->by[1], "bus");
    assert_string_equal(f->by[2], "");
}

static void the_store_may_omit_superseded_changes(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    take(f, 10);
    Messenger__Notification *only = make(11, "");
    assert_true(feed_fill(&f->feed, &only, 1, 12, &f->outlet));
    free(only);
    take(f, 13);
    ASSERT_PUSHED(f, 11, 13);
    assert_false(feed_has_hole(&f->feed));
}

static void an_answer_that_is_behind_changes_nothing(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    take(f, 8);
    take(f, 9);
    fill(f, 8, 9);
    feed_note_newest(&f->feed, 8, &f->outlet);
    ASSERT_PUSHED(f, 8, 9);
    assert_false(feed_has_hole(&f->feed));
}

static void silence_is_a_gap_when_the_store_is_ahead(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    assert_false(feed_has_hole(&f->feed));
    feed_note_newest(&f->feed, 9, &f->outlet);
    assert_true(feed_has_hole(&f->feed));
    fill(f, 8, 9);
    ASSERT_PUSHED(f, 8, 9);
    assert_false(feed_has_hole(&f->feed));
}

static void all_is_held_until_the_position_is_known(void **state)
{
    struct fixture *f = *state;
    take(f, 9);
    take(f, 8);
    take(f, 12);
    assert_int_equal(f->count, 0);
    assert_false(feed_has_hole(&f->feed));
    feed_note_newest(&f->feed, 10, &f->outlet);
    ASSERT_PUSHED(f, 8, 9);
    assert_true(feed_has_hole(&f->feed));
    take(f, 11);
    ASSERT_PUSHED(f, 8, 9, 11, 12);
}

static void beyond_the_limit_held_changes_are_fetched_from_the_store(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 0, &f->outlet);
    for (uint64_t seq = 200; seq > 1; seq--)
        take(f, seq);
    assert_int_equal(f->feed.held_count, FEED_HELD_MAX);
    take(f, 1);
    assert_int_equal(f->count, FEED_HELD_MAX + 1);
    assert_true(feed_has_hole(&f->feed));
    fill(f, FEED_HELD_MAX + 2, 200);
    assert_int_equal(f->count, 200);
    for (size_t i = 0; i < f->count; i++)
        assert_int_equal(f->pushed[i], i + 1);
}

static void without_room_a_change_counts_as_dropped_by_the_bus(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    f->capacity = 1;
    for (uint64_t seq = 8; seq <= 9 + FEED_HELD_MAX + 1; seq++)
        take(f, seq);
    ASSERT_PUSHED(f, 8);
    assert_true(feed_has_hole(&f->feed));
    f->capacity = PUSHED_MAX;
    assert_true(fill(f, 9, 9));
    assert_int_equal(f->count, 1 + FEED_HELD_MAX);
    assert_true(feed_has_hole(&f->feed));
    take(f, 0);
    assert_true(fill(f, 9 + FEED_HELD_MAX, 9 + FEED_HELD_MAX + 1));
    assert_false(feed_has_hole(&f->feed));
}

static void changes_from_the_store_wait_for_room_too(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    f->capacity = 2;
    assert_false(fill(f, 8, 12));
    ASSERT_PUSHED(f, 8, 9);
    assert_true(feed_has_hole(&f->feed));
    take(f, 13);
    f->capacity = 6;
    assert_true(fill(f, 10, 12));
    ASSERT_PUSHED(f, 8, 9, 10, 11, 12, 13);
    assert_false(feed_has_hole(&f->feed));
}

static void unnumbered_notifications_need_no_room(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    f->capacity = 0;
    take(f, 0);
    ASSERT_PUSHED(f, 0);
}

static void a_gap_that_the_store_does_not_know_can_be_skipped(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    take(f, 10);
    take(f, 12);
    feed_skip_hole(&f->feed, &f->outlet);
    ASSERT_PUSHED(f, 10);
    feed_skip_hole(&f->feed, &f->outlet);
    ASSERT_PUSHED(f, 10, 12);
    assert_false(feed_has_hole(&f->feed));
    feed_note_newest(&f->feed, 14, &f->outlet);
    feed_skip_hole(&f->feed, &f->outlet);
    assert_false(feed_has_hole(&f->feed));
}

static void a_service_that_has_lost_its_state_starts_again(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    take(f, 9);
    feed_forget(&f->feed);
    feed_note_newest(&f->feed, 2, &f->outlet);
    take(f, 3);
    ASSERT_PUSHED(f, 3);
}

/* Everything once and in order, from a bus that loses, doubles and mixes up. */
static void any_bus_address_and_a_store_are_a_valid_configuration(void **state)
{
    struct fixture *f = *state;
    for (unsigned seed = 1; seed <= 200; seed++) {
        unsigned random = seed;
        uint64_t newest = 0, pulled_from = 0;
        f->count = 0;
        feed_forget(&f->feed);
        feed_note_newest(&f->feed, 0, &f->outlet);
        for (int step = 0; step < 1000; step++) {
            random = random * 1664525u + 1013904223u;
            unsigned choice = random >> 24, back = (random >> 16) % 8;
            if (choice < 128)
                newest++;
            if (choice % 4 != 0 && newest > back)
                take(f, newest - back);
            pulled_from = f->feed.position;
            if (choice % 32 == 1 && newest - pulled_from < 200)
                fill(f, pulled_from + 1, newest);
        }
        pulled_from = f->feed.position;
        for (; pulled_from < newest; pulled_from = f->feed.position)
            fill(f, pulled_from + 1, newest - pulled_from > 200 ? pulled_from + 200 : newest);
        assert_int_equal(f->count, newest);
        for (size_t i = 0; i < f->count; i++)
            assert_int_equal(f->pushed[i], i + 1);
        assert_int_equal(f->feed.held_count, 0);
    }
}

/* --- a store that was turned back ---------------------------------------------------------- */

static void fewer_changes_in_the_store_than_were_pushed_make_the_position_doubtful(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    take(f, 8);
    feed_note_asked(&f->feed);
    feed_note_newest(&f->feed, 6, &f->outlet);
    assert_false(feed_has_hole(&f->feed));
    assert_true(feed_needs_pull(&f->feed));
    assert_true(feed_fill(&f->feed, NULL, 0, 8, &f->outlet)); /* the store knows it */
    assert_false(feed_needs_pull(&f->feed));
}

static void a_push_after_the_question_makes_no_doubt(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    feed_note_asked(&f->feed);
    take(f, 8);
    feed_note_newest(&f->feed, 7, &f->outlet);
    assert_false(feed_needs_pull(&f->feed));
}

/* The store was turned back to 7; 8 was published by then, and is late on the bus. */
static void a_late_change_from_within_a_long_step_is_asked_for(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    take(f, FEED_LONG_STEP + 7);
    assert_true(fill(f, FEED_LONG_STEP + 7, FEED_LONG_STEP + 7));
    assert_false(feed_needs_pull(&f->feed));
    take(f, 8);
    assert_true(feed_needs_pull(&f->feed));
    assert_int_equal(feed_pulls_after(&f->feed), 8);
    ASSERT_PUSHED(f, FEED_LONG_STEP + 7);
    assert_true(fill(f, FEED_LONG_STEP + 7, FEED_LONG_STEP + 8)); /* the store knows it */
    ASSERT_PUSHED(f, FEED_LONG_STEP + 7, FEED_LONG_STEP + 8);
    assert_false(feed_needs_pull(&f->feed));
}

static void a_late_change_from_elsewhere_is_a_duplicate(void **state)
{
    struct fixture *f = *state;
    feed_note_newest(&f->feed, 7, &f->outlet);
    take(f, FEED_LONG_STEP + 7);
    assert_true(fill(f, FEED_LONG_STEP + 7, FEED_LONG_STEP + 7));
    take(f, 7);
    take(f, FEED_LONG_STEP + 7);
    assert_false(feed_needs_pull(&f->feed));
    take(f, FEED_LONG_STEP + 9);
    assert_true(fill(f, FEED_LONG_STEP + 9, FEED_LONG_STEP + 9)); /* the store omits one */
    take(f, FEED_LONG_STEP + 8);
    assert_false(feed_needs_pull(&f->feed));
    assert_int_equal(feed_pulls_after(&f->feed), FEED_LONG_STEP + 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(changes_in_order_are_pushed_at_once),
        T(unnumbered_notifications_are_pushed_whatever_is_missing),
        T(duplicate_and_late_changes_are_dropped),
        T(fewer_changes_in_the_store_than_were_pushed_make_the_position_doubtful),
        T(a_push_after_the_question_makes_no_doubt),
        T(a_late_change_from_within_a_long_step_is_asked_for),
        T(a_late_change_from_elsewhere_is_a_duplicate),
        T(a_change_that_overtakes_waits_for_the_earlier_one),
        T(a_gap_is_filled_from_the_store_in_order),
        T(held_changes_are_pushed_as_the_bus_delivered_them),
        T(the_store_may_omit_superseded_changes),
        T(an_answer_that_is_behind_changes_nothing),
        T(silence_is_a_gap_when_the_store_is_ahead),
        T(all_is_held_until_the_position_is_known),
        T(beyond_the_limit_held_changes_are_fetched_from_the_store),
        T(without_room_a_change_counts_as_dropped_by_the_bus),
        T(changes_from_the_store_wait_for_room_too),
        T(unnumbered_notifications_need_no_room),
        T(a_gap_that_the_store_does_not_know_can_be_skipped),
        T(a_service_that_has_lost_its_state_starts_again),
        T(any_bus_address_and_a_store_are_a_valid_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
