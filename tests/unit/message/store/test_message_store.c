/* services/message/store/message_store: what every kind of message store keeps to. */
#include "tests/unit/unit.h"

#include <stdatomic.h>

#include "services/common/base/log.h"
#include "tests/unit/capture.h"
#include "tests/unit/message/store/message_store_client.h"

enum { TEXT_MAX = 16 * 1024 };

/* --- sending ------------------------------------------------------------------------------- */

static void a_message_is_read_back_by_both_as_it_was_sent(void **state)
{
    struct fixture *f = *state;
    struct message_send sent =
        put(f, "@Amy", "@bob", "hi, \xD0\xB1\xD0\xBE\xD0\xB1 \xF0\x9F\x98\x80");
    static const char *const keys[][2] = { { "amy", "bob" }, { "bob", "amy" } };
    assert_false(sent.repeated);
    assert_int_equal(sent.seq, 1);
    assert_int_equal(sent.date_ms, 1600000000000);
    for (size_t i = 0; i < 2; i++) {
        struct message_list list = messages(f, keys[i][0], keys[i][1], 0, 10, 0);
        assert_int_equal(list.count, 1);
        const struct message *message = &list.items[0];
        assert_memory_equal(message->id.bytes, sent.id.bytes, ID_BYTES);
        assert_string_equal(message->sender_tag, "@Amy");
        assert_string_equal(message->receiver_tag, "@bob");
        assert_string_equal(message->text, sent.text);
        assert_int_equal(message->date_ms, sent.date_ms);
        assert_int_equal(message->seq, 1);
        assert_int_equal(message->sender_count, 1);
        assert_false(message->is_read);
        message_list_finish(&list);
        message_list_finish(&list);
    }
}

static void text_of_every_kind_and_length_is_kept(void **state)
{
    struct fixture *f = *state;
    static char longest[TEXT_MAX + 1];
    memset(longest, 'x', TEXT_MAX);
    memcpy(longest, "\xF0\x9F\x98\x80", 4);
    const char *const texts[] = { "x",
                                  "'; DROP TABLE message; --",
                                  "\"\\\n\t\r",
                                  "%_$.{}[]",
                                  " leading and trailing ",
                                  "\xEF\xBB\xBF"
                                  "bom",
                                  longest };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        put(f, "@amy", "@bob", texts[i]);
        struct message_list list = messages(f, "bob", "amy", 0, 1, 0);
        assert_string_equal(list.items[0].text, texts[i]);
        message_list_finish(&list);
    }
}

static void seq_counts_from_1_without_gaps_in_each_conversation(void **state)
{
    struct fixture *f = *state;
    for (uint64_t n = 1; n <= 20; n++) {
        assert_int_equal(put(f, "@amy", "@bob", "x").seq, 2 * n - 1);
        assert_int_equal(put(f, "@amy", "@cid", "x").seq, n);
        assert_int_equal(put(f, "@bob", "@amy", "x").seq, 2 * n);
        if (n % 5 == 0)
            reopen(f);
    }
    check_user(f, "@amy");
    check_user(f, "@bob");
    check_user(f, "@cid");
}

static void sender_count_counts_what_each_has_sent(void **state)
{
    struct fixture *f = *state;
    static const char *const senders[] = { "@amy", "@amy", "@bob", "@amy", "@bob", "@bob" };
    static const uint64_t counts[] = { 1, 2, 1, 3, 2, 3 };
    for (size_t i = 0; i < COUNT_OF(senders); i++)
        put(f, senders[i], senders[i][1] == 'a' ? "@bob" : "@amy", "x");
    struct message_list list = messages(f, "amy", "bob", 0, 10, 0);
    assert_int_equal(list.count, COUNT_OF(senders));
    for (size_t i = 0; i < list.count; i++) {
        assert_string_equal(list.items[list.count - 1 - i].sender_tag, senders[i]);
        assert_int_equal(list.items[list.count - 1 - i].sender_count, counts[i]);
    }
    message_list_finish(&list);
}

/* A user's newest number. */
struct counter {
    uint64_t newest;
    bool may_step; /* no number since the store was opened again */
};

/* The next one, or after the store was opened again any greater one. */
static void assert_next(struct counter *counter, uint64_t user_seq)
{
    if (counter->may_step)
        assert_true(user_seq > counter->newest);
    else
        assert_int_equal(user_seq, counter->newest + 1);
    *counter = (struct counter){ .newest = user_seq };
}

static void every_change_takes_its_owners_next_user_sequence(void **state)
{
    struct fixture *f = *state;
    struct counter amy = { 0 }, bob = { 0 }, cid = { 0 };
    for (int round = 0; round < 3; round++) {
        struct message_send sent = put(f, "@amy", "@bob", "x");
        assert_next(&amy, sent.sender_user_seq);
        assert_next(&bob, sent.receiver_user_seq);
        sent = put(f, "@cid", "@amy", "x");
        assert_next(&cid, sent.sender_user_seq);
        assert_next(&amy, sent.receiver_user_seq);
        struct message_mark mark = mark_read(f, "@bob", "@amy");
        assert_next(&bob, mark.reader_user_seq);
        assert_next(&amy, mark.sender_user_seq);
        mark = mark_read(f, "@bob", "@amy"); /* changes nothing */
        assert_int_equal(mark.reader_user_seq, 0);
        assert_int_equal(mark.sender_user_seq, 0);
        sent = put(f, "@bob", "@cid", "x");
        assert_next(&bob, sent.sender_user_seq);
        assert_next(&cid, sent.receiver_user_seq);
        reopen(f);
        amy.may_step = bob.may_step = cid.may_step = true;
    }
}

static void a_mark_reads_up_to_its_message(void **state)
{
    struct fixture *f = *state;
    static const char senders[] = "aabbabaab"; /* of amy: seq 1, 2, 5, 7, 8 */
    for (size_t i = 0; senders[i] != '\0'; i++)
        put(f, senders[i] == 'a' ? "@amy" : "@bob", senders[i] == 'a' ? "@bob" : "@amy", "x");
    static const struct {
        uint64_t seq, newly_read;
    } marks[] = { { 1, 1 }, { 1, 0 }, { 4, 1 }, { 3, 0 }, { 5, 1 },   { 7, 1 },
                  { 2, 0 }, { 9, 1 }, { 8, 0 }, { 0, 0 }, { 100, 0 }, { UINT64_MAX, 0 } };
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        assert_int_equal(mark_up_to(f, "@bob", "@amy", marks[i].seq), marks[i].newly_read);
        check_user(f, "@amy");
        check_user(f, "@bob");
    }
    put(f, "@amy", "@bob", "x");
    assert_int_equal(mark_up_to(f, "@bob", "@amy", 9), 0);
    assert_int_equal(mark_up_to(f, "@bob", "@amy", 11), 1);
    put(f, "@amy", "@bob", "x");
    assert_int_equal(mark_up_to(f, "@bob", "@amy", 0), 1);
    assert_int_equal(mark_up_to(f, "@cid", "@amy", 1), 0);
}

static void dates_never_fall_within_a_conversation(void **state)
{
    struct fixture *f = *state;
    static const int64_t now[] = { 1000, 900, 1000, 1001, 5, 2000 };
    static const int64_t expected[] = { 1000, 1000, 1000, 1001, 1001, 2000 };
    for (size_t i = 0; i < COUNT_OF(now); i++) {
        struct message_send send =
            letter(i % 2 == 0 ? "@amy" : "@bob", i % 2 == 0 ? "@bob" : "@amy", "x");
        send.now_ms = now[i];
        assert_int_equal(send_and_wait(f->store, &send), STATUS_OK);
        assert_int_equal(send.date_ms, expected[i]);
    }
    check_user(f, "@amy");
}

/* --- sending again ------------------------------------------------------------------------- */

static void the_same_client_id_again_returns_the_first_message(void **state)
{
    struct fixture *f = *state;
    struct message_send first = put_with_id(f, "@amy", "@bob", "hi", "c-1", STATUS_OK);
    struct id expected = message_id_from_client("amy", "c-1");
    assert_false(first.repeated);
    assert_memory_equal(first.id.bytes, expected.bytes, ID_BYTES);
    put(f, "@bob", "@amy", "between");
    for (int again = 0; again < 3; again++) {
        struct message_send send = letter("@amy", "@bob", "hi");
        send.client_message_id = "c-1";
        send.now_ms += 1000000;
        assert_int_equal(send_and_wait(f->store, &send), STATUS_OK);
        assert_true(send.repeated);
        assert_memory_equal(send.id.bytes, first.id.bytes, ID_BYTES);
        assert_int_equal(send.seq, first.seq);
        assert_int_equal(send.date_ms, first.date_ms);
        assert_int_equal(send.sender_user_seq, 0);
        assert_int_equal(send.receiver_user_seq, 0);
        assert_int_equal(send.is_read, again > 0); /* is_read is of now */
        if (again == 0)
            mark_read(f, "@bob", "@amy");
        reopen(f);
    }
    assert_texts(f, "bob", "amy", (struct message_range){ .start = 0, .end = 10, .newest_seq = 0 },
                 "between hi");
    assert_true(put(f, "@amy", "@bob", "next").sender_user_seq > 3);
}

static void another_text_or_receiver_with_the_same_client_id_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    struct message_send first = put_with_id(f, "@amy", "@bob", "hi", "c-1", STATUS_OK);
    put_with_id(f, "@amy", "@bob", "ho", "c-1", STATUS_CONFLICT);
    put_with_id(f, "@amy", "@bob", "hi ", "c-1", STATUS_CONFLICT);
    put_with_id(f, "@amy", "@bob", "Hi", "c-1", STATUS_CONFLICT);
    put_with_id(f, "@amy", "@cid", "hi", "c-1", STATUS_CONFLICT);
    put_with_id(f, "@amy", "@cid", "ho", "c-1", STATUS_CONFLICT);
    assert_texts(f, "amy", "bob", (struct message_range){ .start = 0, .end = 10, .newest_seq = 0 },
                 "hi");
    assert_peers(f, "amy", 0, 10, "@bob");
    assert_peers(f, "cid", 0, 10, "");
    struct message_send again = put_with_id(f, "@amy", "@bob", "hi", "c-1", STATUS_OK);
    assert_true(again.repeated);
    assert_int_equal(again.seq, first.seq);
    struct message_send next = put(f, "@amy", "@bob", "next");
    assert_int_equal(next.seq, 2);
    assert_int_equal(next.sender_user_seq, 2);
}

static void client_ids_are_separate_for_each_sender(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put_with_id(f, "@amy", "@bob", "hi", "c-1", STATUS_OK).seq, 1);
    struct message_send of_bob = put_with_id(f, "@bob", "@amy", "hi", "c-1", STATUS_OK);
    assert_false(of_bob.repeated);
    assert_int_equal(of_bob.seq, 2);
    assert_false(put_with_id(f, "@cid", "@amy", "hi", "c-1", STATUS_OK).repeated);
}

static void every_client_id_is_another(void **state)
{
    struct fixture *f = *state;
    char longest[4 * 64 + 1] = "", nearly[4 * 64 + 1] = "";
    for (int i = 0; i < 64; i++) {
        strcat(longest, "\xF0\x9F\x98\x80");
        strcat(nearly, i == 63 ? "\xF0\x9F\x98\x81" : "\xF0\x9F\x98\x80");
    }
    const char *const ids[] = { "1", "01", "a", "A", " a", "a ", "|", "a|b", "'", longest, nearly };
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < COUNT_OF(ids); i++) {
            struct message_send send = put_with_id(f, "@amy", "@bob", "x", ids[i], STATUS_OK);
            assert_int_equal(send.seq, i + 1);
            assert_int_equal(send.repeated, again);
        }
    }
}

static void without_a_client_id_nothing_is_a_repetition(void **state)
{
    struct fixture *f = *state;
    struct message_send one = put(f, "@amy", "@bob", "same"), two = put(f, "@amy", "@bob", "same");
    assert_false(one.repeated || two.repeated);
    assert_int_equal(two.seq, 2);
    assert_memory_not_equal(one.id.bytes, two.id.bytes, ID_BYTES);
}

/* --- reading marks ------------------------------------------------------------------------- */

static void unread_messages_are_counted_in_both_directions(void **state)
{
    struct fixture *f = *state;
    put(f, "@amy", "@bob", "1");
    assert_unread(f, "amy", 0, 1);
    assert_unread(f, "bob", 1, 0);
    put(f, "@amy", "@bob", "2");
    put(f, "@bob", "@amy", "3");
    assert_unread(f, "amy", 1, 2);
    assert_unread(f, "bob", 2, 1);
    mark_read(f, "@bob", "@amy");
    assert_unread(f, "amy", 1, 0);
    assert_unread(f, "bob", 0, 1);
    put(f, "@amy", "@bob", "4");
    assert_unread(f, "amy", 1, 1);
    mark_read(f, "@amy", "@bob");
    assert_unread(f, "amy", 0, 1);
    assert_unread(f, "bob", 1, 0);
    reopen(f);
    assert_unread(f, "amy", 0, 1);
    check_user(f, "@amy");
    check_user(f, "@bob");
}

static void marking_returns_how_many_are_newly_read(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        put(f, "@Amy", "@Bob", "x");
    put(f, "@Bob", "@Amy", "x");
    struct message_mark mark = mark_read(f, "@bob", "@amy");
    assert_int_equal(mark.newly_read, 3);
    assert_true(mark.has_dialog);
    assert_string_equal(mark.reader_tag, "@Bob");
    assert_string_equal(mark.sender_tag, "@Amy");
    mark = mark_read(f, "@bob", "@amy");
    assert_int_equal(mark.newly_read, 0);
    assert_true(mark.has_dialog);
    put(f, "@Amy", "@Bob", "x");
    assert_int_equal(mark_read(f, "@bob", "@amy").newly_read, 1);
    assert_int_equal(mark_read(f, "@amy", "@bob").newly_read, 1);
}

static void marking_without_messages_changes_nothing(void **state)
{
    struct fixture *f = *state;
    static const char *const pairs[][2] = { { "@amy", "@nobody" },
                                            { "@nobody", "@amy" },
                                            { "@no", "@one" },
                                            { "@amy", "@cid" },
                                            { "@amy", "@amy" } };
    put(f, "@amy", "@bob", "x");
    put(f, "@cid", "@bob", "x");
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct message_mark mark = mark_read(f, pairs[i][0], pairs[i][1]);
        assert_int_equal(mark.newly_read, 0);
        assert_false(mark.has_dialog);
        assert_int_equal(mark.reader_user_seq, 0);
        assert_int_equal(mark.sender_user_seq, 0);
    }
    assert_peers(f, "amy", 0, 10, "@bob");
    assert_peers(f, "nobody", 0, 10, "");
    assert_int_equal(put(f, "@amy", "@bob", "x").sender_user_seq, 2);
}

/* `expected`: for each message, newest first, whether its receiver has read it. */
static void assert_read(struct fixture *f, const char *expected)
{
    static const char *const keys[][2] = { { "amy", "bob" }, { "bob", "amy" } };
    for (size_t i = 0; i < 2; i++) {
        struct message_list list = messages(f, keys[i][0], keys[i][1], 0, 100, 0);
        assert_int_equal(list.count, strlen(expected));
        for (size_t m = 0; m < list.count; m++)
            assert_int_equal(list.items[m].is_read, expected[m] == 'r');
        message_list_finish(&list);
    }
}

static void a_message_is_read_when_its_receiver_has_marked_it(void **state)
{
    struct fixture *f = *state;
    put(f, "@amy", "@bob", "1");
    put(f, "@bob", "@amy", "2");
    put(f, "@amy", "@bob", "3");
    assert_read(f, "---");
    mark_read(f, "@bob", "@amy");
    assert_read(f, "r-r");
    put(f, "@amy", "@bob", "4");
    put(f, "@bob", "@amy", "5");
    assert_read(f, "--r-r");
    mark_read(f, "@amy", "@bob");
    assert_read(f, "r-rrr");
    mark_read(f, "@bob", "@amy");
    assert_read(f, "rrrrr");
    struct dialog_list list = dialogs(f, "amy", 0, 1);
    assert_true(list.items[0].last.is_read);
    dialog_list_finish(&list);
}

static void ids_of_conversations_and_messages_are_as_documented(void **state)
{
    (void)state;
    struct id one = message_conversation_id("amy", "bob"),
              two = message_conversation_id("bob", "amy");
    struct id expected = id_from_parts("amy", "bob");
    assert_memory_equal(one.bytes, expected.bytes, ID_BYTES);
    assert_memory_equal(two.bytes, expected.bytes, ID_BYTES);
    one = message_id_from_client("amy", "c-1");
    expected = id_from_parts("amy", "c-1");
    assert_memory_equal(one.bytes, expected.bytes, ID_BYTES);
}

/* --- opening and closing ------------------------------------------------------------------- */

static void an_invalid_store_url_is_rejected(void **state)
{
    (void)state;
    static const char *const urls[] = { "",         "sqlite",    "sqlite:", "sqlit:///tmp/x.db",
                                        "http://x", "/tmp/x.db", "://",     "sqlite:/tmp/x" };
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct message_store *store = NULL;
        struct capture capture = capture_begin();
        enum status status = message_store_open(urls[i], &store);
        free(capture_end(&capture));
        assert_int_equal(status, STATUS_INVALID_ARGUMENT);
        assert_null(store);
    }
    struct message_store *none = NULL;
    message_store_close(&none);
}

struct counted_send {
    struct message_send head;
    atomic_size_t *done, *failed;
    _Atomic uint64_t *last_seq;
};

static void count_send(struct message_send *send, enum status status)
{
    struct counted_send *counted = (struct counted_send *)send;
    uint64_t before = atomic_exchange(counted->last_seq, send->seq);
    if (status != STATUS_OK || send->seq != before + 1)
        atomic_fetch_add(counted->failed, 1);
    atomic_fetch_add(counted->done, 1);
}

static void closing_finishes_accepted_jobs_and_reports_them_in_order(void **state)
{
    struct fixture *f = *state;
    static struct counted_send sends[1000];
    atomic_size_t done = 0, failed = 0;
    _Atomic uint64_t last_seq = 0;
    for (size_t i = 0; i < COUNT_OF(sends); i++) {
        sends[i] = (struct counted_send){ letter("@amy", "@bob", "x"), &done, &failed, &last_seq };
        sends[i].head.done = count_send;
        assert_int_equal(message_store_send(f->store, &sends[i].head), STATUS_OK);
    }
    reopen(f);
    assert_int_equal(done, COUNT_OF(sends));
    assert_int_equal(failed, 0);
    struct message_list list = messages(f, "bob", "amy", 0, 2000, 0);
    assert_int_equal(list.count, COUNT_OF(sends));
    message_list_finish(&list);
    check_user(f, "@amy");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_read_back_by_both_as_it_was_sent),
        TEST(text_of_every_kind_and_length_is_kept),
        TEST(seq_counts_from_1_without_gaps_in_each_conversation),
        TEST(sender_count_counts_what_each_has_sent),
        TEST(every_change_takes_its_owners_next_user_sequence),
        TEST(a_mark_reads_up_to_its_message),
        TEST(dates_never_fall_within_a_conversation),
        TEST(the_same_client_id_again_returns_the_first_message),
        TEST(another_text_or_receiver_with_the_same_client_id_is_a_conflict),
        TEST(client_ids_are_separate_for_each_sender),
        TEST(every_client_id_is_another),
        TEST(without_a_client_id_nothing_is_a_repetition),
        TEST(unread_messages_are_counted_in_both_directions),
        TEST(marking_returns_how_many_are_newly_read),
        TEST(marking_without_messages_changes_nothing),
        TEST(a_message_is_read_when_its_receiver_has_marked_it),
        cmocka_unit_test(ids_of_conversations_and_messages_are_as_documented),
        cmocka_unit_test(an_invalid_store_url_is_rejected),
        TEST(closing_finishes_accepted_jobs_and_reports_them_in_order),
    };
    char group[64];
    snprintf(group, sizeof(group), "message_store %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
