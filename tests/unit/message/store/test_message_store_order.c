/*
 * services/message/store/mongo/fact_order: the changes of a conversation's messages come in the
 * order of the messages, whichever process stores them. (Killed processes:
 * test_message_store_mongo.c.) Runs on the MongoDB servers of TEST_STORE_URLS; without one there is
 * nothing to run.
 */

#include "tests/unit/unit.h"

#include "services/common/base/log.h"
#include "services/message/store/mongo/settle.h"
#include "tests/unit/message/store/message_store_changes.h"

/* --- another writer, between two steps of the first ---------------------------------------- */

/* What the other does when the first has done `step`, once. */
static struct intrusion {
    struct fixture other;
    const char *step;
    void (*intrude)(struct fixture *other);
    struct message_send sent; /* by the other */
} intrusion;

static void intrude_after_step(const char *step)
{
    if (intrusion.step == NULL || strcmp(step, intrusion.step) != 0)
        return;
    intrusion.step = NULL; /* the other takes steps, too */
    intrusion.intrude(&intrusion.other);
}

static void begin(struct fixture *f, const char *step, void (*intrude)(struct fixture *other))
{
    assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
    intrusion = (struct intrusion){ .step = step, .intrude = intrude };
    memcpy(intrusion.other.url, f->url, sizeof(f->url));
    assert_int_equal(message_store_open(f->url, &intrusion.other.store), STATUS_OK);
    settle_step_for_test = intrude_after_step;
}

static void end(void)
{
    settle_step_for_test = NULL;
    assert_null(intrusion.step); /* it has happened */
    message_store_close(&intrusion.other.store);
}

static void answer(struct fixture *other)
{
    intrusion.sent = put(other, "@Bob", "@Amy", "second");
}

static void send_the_same(struct fixture *other)
{
    intrusion.sent = put_with_id(other, "@Amy", "@Bob", "first", "id", STATUS_OK);
}

static void write_to_cid(struct fixture *other)
{
    intrusion.sent = put(other, "@Bob", "@cid", "aside");
}

static void a_message_waits_for_the_changes_of_the_one_before_it(void **state)
{
    static const char *const steps[] = { "messages", "changes", "dialogs" };

    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct fixture *f = *state;
        store_url_new(f->url);
        begin(f, steps[i], answer);
        struct message_send first = put(f, "@Amy", "@Bob", "first");
        end();
        assert_int_equal(intrusion.sent.seq, 2);
        assert_unnumbered_changes(f, "amy", "sent @Bob first, new @Bob second");
        assert_unnumbered_changes(f, "bob", "new @Amy first, sent @Amy second");
        assert_true(intrusion.sent.sender_user_seq > first.receiver_user_seq);
        assert_true(intrusion.sent.receiver_user_seq > first.sender_user_seq);
        assert_false(first.repeated); /* the other has notified no one of it */
        check_user(f, "@Amy");
        check_user(f, "@Bob");
        message_store_close(&f->store);
    }
}

static void a_message_stored_just_now_is_reported_although_its_repetition_was_first(void **state)
{
    struct fixture *f = *state;

    begin(f, "messages", send_the_same);
    struct message_send first = put_with_id(f, "@Amy", "@Bob", "first", "id", STATUS_OK);
    end();
    assert_false(first.repeated);
    assert_int_equal(first.receiver_user_seq, intrusion.sent.receiver_user_seq);
    assert_int_equal(intrusion.sent.seq, 1);
    assert_unnumbered_changes(f, "bob", "new @Amy first");
}

static void messages_of_other_conversations_do_not_wait(void **state)
{
    struct fixture *f = *state;

    begin(f, "messages", write_to_cid);
    put(f, "@Amy", "@Bob", "first");
    end();
    assert_unnumbered_changes(f, "bob", "sent @cid aside, new @Amy first");
}

static void imported_history_has_no_changes(void **state)
{
    struct fixture *f = *state;
    struct message history[2] = {
        { .id = id_new(), .seq = 2, .sender_count = 2, .date_ms = 2, .text = "old" },
        { .id = id_new(), .seq = 1, .sender_count = 1, .date_ms = 1, .text = "older" },
    };
    struct message_list list = { history, 2 };

    for (size_t i = 0; i < 2; i++) {
        snprintf(history[i].sender_tag, ACCOUNT_NAME_SIZE, "@Amy");
        snprintf(history[i].receiver_tag, ACCOUNT_NAME_SIZE, "@Bob");
    }
    assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
    assert_int_equal(message_store_import(f->store, &list),
                     STATUS_OK); /* its dialogs are to come */
    assert_int_equal(put(f, "@Bob", "@Amy", "new").seq, 3);
    assert_changes(f, "amy", 0, "1 new @Bob new");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_closed, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_waits_for_the_changes_of_the_one_before_it),
        TEST(a_message_stored_just_now_is_reported_although_its_repetition_was_first),
        TEST(messages_of_other_conversations_do_not_wait),
        TEST(imported_history_has_no_changes),
    };
    char group[64];
    snprintf(group, sizeof(group), "message_store_order %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return getenv("TEST_STORE_URLS") != NULL ? store_urls_run(run_suite) : EXIT_SUCCESS;
}
