/* services/presence/presence_entry: one user in the bucket, and which event is published next. */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/buffer.h"
#include "services/presence/presence_entry.h"

/* What is published and what is acknowledged; the events must alternate. */
struct stage {
    struct presence_entry entry;
    uint64_t change;
    uint64_t published; /* the number of the last one */
    bool state;         /* of the last one */
    bool in_flight;
    size_t count;
};

static void publish(struct stage *stage)
{
    assert_false(stage->in_flight);
    assert_false(stage->entry.announced);
    assert_true(stage->entry.sent > stage->published);
    assert_true(stage->entry.sent <= stage->entry.change);
    assert_true(stage->entry.sent_online == (stage->count % 2 == 0));
    stage->published = stage->entry.sent;
    stage->state = stage->entry.sent_online;
    stage->in_flight = true;
    stage->count++;
}

static void turn(struct stage *stage, bool online)
{
    if (presence_entry_set(&stage->entry, "g1", online) &&
        presence_entry_turn(&stage->entry, ++stage->change))
        publish(stage);
}

static void acknowledge(struct stage *stage)
{
    assert_true(stage->in_flight);
    stage->in_flight = false;
    assert_true(presence_entry_acknowledge(&stage->entry, stage->published));
    if (!stage->entry.announced)
        publish(stage);
}

static void acknowledge_all(struct stage *stage)
{
    size_t before = stage->count;

    while (stage->in_flight)
        acknowledge(stage);
    assert_true(stage->count <= before + 2); /* whatever waited */
    assert_true(stage->entry.announced);
    assert_true(stage->count == 0 || stage->state == (stage->entry.gateway_count > 0));
}

static struct stage begin(void)
{
    return (struct stage){ .entry = { .announced = true } };
}

static void the_first_change_is_published_at_once(void **state)
{
    struct stage stage = begin();

    (void)state;
    turn(&stage, true);
    assert_int_equal(stage.count, 1);
    assert_int_equal(stage.published, 1);
    acknowledge_all(&stage);
    assert_int_equal(stage.count, 1);
    presence_entry_finish(&stage.entry);
}

static void the_next_event_waits_for_the_acknowledgement(void **state)
{
    struct stage stage = begin();

    (void)state;
    turn(&stage, true);
    turn(&stage, false);
    assert_int_equal(stage.count, 1);
    assert_true(stage.state);
    acknowledge(&stage);
    assert_int_equal(stage.count, 2);
    assert_int_equal(stage.published, 2);
    acknowledge_all(&stage);
    assert_int_equal(stage.count, 2);
    presence_entry_finish(&stage.entry);
}

static void changes_back_and_forth_are_published_as_two(void **state)
{
    struct stage stage = begin();

    (void)state;
    turn(&stage, true);
    for (int i = 0; i < 10; i++)
        turn(&stage, i % 2 != 0);
    acknowledge_all(&stage);
    assert_int_equal(stage.count, 3);
    assert_int_equal(stage.published, 11); /* gateways compare it with what they have seen */
    presence_entry_finish(&stage.entry);
}

static void whatever_happens_online_and_offline_alternate_and_the_last_is_right(void **state)
{
    unsigned seed = 20;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct stage stage = begin();
        for (int steps = rand_r(&seed) % 30; steps > 0; steps--) {
            int what = rand_r(&seed) % 3;
            if (what < 2)
                turn(&stage, what == 0);
            else if (stage.in_flight)
                acknowledge(&stage);
        }
        acknowledge_all(&stage);
        presence_entry_finish(&stage.entry);
    }
}

static void an_acknowledgement_of_another_event_changes_nothing(void **state)
{
    struct stage stage = begin();

    (void)state;
    turn(&stage, true);
    assert_false(presence_entry_acknowledge(&stage.entry, 7));
    assert_false(stage.entry.announced);
    acknowledge(&stage);
    assert_false(presence_entry_acknowledge(&stage.entry, 1)); /* by two instances */
    turn(&stage, false);
    assert_false(presence_entry_acknowledge(&stage.entry, 1)); /* late */
    assert_int_equal(stage.entry.sent, 2);
    presence_entry_finish(&stage.entry);
}

static struct presence_entry pack_and_unpack(const struct presence_entry *entry)
{
    struct buffer bytes = { 0 };
    struct presence_entry copy;

    presence_entry_pack(entry, &bytes);
    assert_true(presence_entry_unpack(bytes.data, bytes.length, &copy));
    buffer_finish(&bytes);
    return copy;
}

static void what_is_published_next_survives_the_bucket(void **state)
{
    struct stage stage = begin();

    (void)state;
    turn(&stage, true);
    turn(&stage, false);
    struct presence_entry copy = pack_and_unpack(&stage.entry);
    assert_int_equal(copy.sent, 1);
    assert_true(copy.sent_online);
    assert_int_equal(copy.change, 2);
    assert_false(copy.announced);
    presence_entry_finish(&copy);
    presence_entry_finish(&stage.entry);
}

static void an_entry_of_an_earlier_version_has_published_its_last_change(void **state)
{
    struct presence_entry entry = { .tag = "@ada", .change = 9 };

    (void)state;
    assert_true(presence_entry_set(&entry, "g1", true));
    struct presence_entry copy = pack_and_unpack(&entry);
    assert_int_equal(copy.sent, 9);
    assert_true(copy.sent_online);
    assert_true(presence_entry_acknowledge(&copy, 9));
    assert_true(copy.announced);
    presence_entry_finish(&copy);
    presence_entry_finish(&entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_change_is_published_at_once),
        cmocka_unit_test(the_next_event_waits_for_the_acknowledgement),
        cmocka_unit_test(changes_back_and_forth_are_published_as_two),
        cmocka_unit_test(whatever_happens_online_and_offline_alternate_and_the_last_is_right),
        cmocka_unit_test(an_acknowledgement_of_another_event_changes_nothing),
        cmocka_unit_test(what_is_published_next_survives_the_bucket),
        cmocka_unit_test(an_entry_of_an_earlier_version_has_published_its_last_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
