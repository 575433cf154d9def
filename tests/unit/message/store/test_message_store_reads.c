/* services/message/store/message_store: what every kind of message store lists. */
#include "tests/unit/unit.h"

#include "services/common/base/log.h"
#include "tests/unit/message/store/message_store_client.h"

/* --- dialogs ------------------------------------------------------------------------------- */

static void the_dialog_with_the_newest_message_comes_first(void **state)
{
    struct fixture *f = *state;
    put(f, "@amy", "@Bob", "1");
    put(f, "@cid", "@amy", "2");
    put(f, "@amy", "@dan", "3");
    assert_peers(f, "amy", 0, 10, "@dan @cid @Bob");
    put(f, "@Bob", "@amy", "4");
    assert_peers(f, "amy", 0, 10, "@Bob @dan @cid");
    struct message_send late = letter("@amy", "@cid", "5");
    late.now_ms = 1000; /* a clock gone wrong: the order is that of arrival */
    assert_int_equal(send_and_wait(f->store, &late), STATUS_OK);
    assert_peers(f, "amy", 0, 10, "@cid @Bob @dan");
    mark_read(f, "@amy", "@Bob"); /* reading brings nothing to the top */
    mark_read(f, "@dan", "@amy");
    put_with_id(f, "@amy", "@dan", "6", "c", STATUS_OK);
    put(f, "@amy", "@cid", "7");
    put_with_id(f, "@amy", "@dan", "6", "c", STATUS_OK); /* nor does sending again */
    assert_peers(f, "amy", 0, 10, "@cid @dan @Bob");
    assert_peers(f, "Bob", 0, 10, "");
    assert_peers(f, "bob", 0, 10, "@amy");
    check_user(f, "@amy");
}

static void dialogs_come_in_pages(void **state)
{
    struct fixture *f = *state;
    enum { PEERS = 23 };
    for (int i = 0; i < PEERS; i++) {
        char tag[32];
        snprintf(tag, sizeof(tag), "@peer%02d", i);
        put(f, i % 2 == 0 ? "@amy" : tag, i % 2 == 0 ? tag : "@amy", "x");
    }
    for (uint32_t size = 1; size <= PEERS + 2; size += 3) {
        for (uint32_t start = 0; start < PEERS + 5; start += size) {
            struct dialog_list page = dialogs(f, "amy", start, start + size);
            size_t left = start < PEERS ? PEERS - start : 0;
            assert_int_equal(page.count, left < size ? left : size);
            for (size_t i = 0; i < page.count; i++) {
                char tag[32];
                snprintf(tag, sizeof(tag), "@peer%02d", PEERS - 1 - (int)(start + i));
                assert_string_equal(page.items[i].peer_tag, tag);
            }
            dialog_list_finish(&page);
        }
    }
    assert_peers(f, "amy", 1000000, 1000010, "");
    assert_peers(f, "amy", UINT32_MAX - 10, UINT32_MAX, "");
}

static void a_dialog_shows_its_last_message(void **state)
{
    struct fixture *f = *state;
    static const char *const owners[] = { "amy", "bob" };
    put(f, "@Amy", "@Bob", "first");
    struct message_send last = put(f, "@Bob", "@Amy", "last");
    struct id conversation = message_conversation_id("amy", "bob");
    for (size_t i = 0; i < 2; i++) {
        struct dialog_list list = dialogs(f, owners[i], 0, 10);
        assert_int_equal(list.count, 1);
        const struct dialog *dialog = &list.items[0];
        assert_string_equal(dialog->peer_tag, i == 0 ? "@Bob" : "@Amy");
        assert_memory_equal(dialog->conversation.bytes, conversation.bytes, ID_BYTES);
        assert_memory_equal(dialog->last.id.bytes, last.id.bytes, ID_BYTES);
        assert_string_equal(dialog->last.text, "last");
        assert_string_equal(dialog->last.sender_tag, "@Bob");
        assert_string_equal(dialog->last.receiver_tag, "@Amy");
        assert_int_equal(dialog->last.seq, 2);
        dialog_list_finish(&list);
        dialog_list_finish(&list);
    }
}

static void a_user_without_dialogs_has_an_empty_list(void **state)
{
    struct fixture *f = *state;
    struct message_contacts contacts;
    assert_peers(f, "nobody", 0, 10, "");
    assert_texts(f, "nobody", "amy",
                 (struct message_range){ .start = 0, .end = 10, .newest_seq = 0 }, "");
    put(f, "@amy", "@bob", "x");
    assert_peers(f, "nobody", 0, 10, "");
    assert_texts(f, "amy", "nobody",
                 (struct message_range){ .start = 0, .end = 10, .newest_seq = 0 }, "");
    assert_texts(f, "nobody", "amy",
                 (struct message_range){ .start = 0, .end = 10, .newest_seq = 0 }, "");
    assert_texts(f, "amy", "amy", (struct message_range){ .start = 0, .end = 10, .newest_seq = 0 },
                 "");
    assert_int_equal(message_store_contacts(f->store, "nobody", &contacts), STATUS_OK);
    assert_int_equal(contacts.count, 0);
    message_contacts_finish(&contacts);
}

/* --- parts of a conversation --------------------------------------------------------------- */

static void a_range_counts_back_from_the_newest(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = { "1", "2", "3", "4", "5", "6", "7", "8", "9" };
    static const struct {
        struct message_range range;
        const char *expected;
    } parts[] = {
        { { .start = 0, .end = 100, .newest_seq = 0 }, "9 8 7 6 5 4 3 2 1" },
        { { .start = 0, .end = 9, .newest_seq = 0 }, "9 8 7 6 5 4 3 2 1" },
        { { .start = 0, .end = 1, .newest_seq = 0 }, "9" },
        { { .start = 0, .end = 2, .newest_seq = 0 }, "9 8" },
        { { .start = 3, .end = 5, .newest_seq = 0 }, "6 5" },
        { { .start = 8, .end = 9, .newest_seq = 0 }, "1" },
        { { .start = 8, .end = 1000, .newest_seq = 0 }, "1" },
        { { .start = 9, .end = 10, .newest_seq = 0 }, "" },
        { { .start = 1000, .end = 2000, .newest_seq = 0 }, "" },
        { { .start = 4294967000u, .end = 4294967295u, .newest_seq = 0 }, "" },
        { { .start = 0, .end = 3, .newest_seq = 5 }, "5 4 3" },
        { { .start = 0, .end = 100, .newest_seq = 1 }, "1" },
        { { .start = 1, .end = 3, .newest_seq = 5 }, "4 3" },
        { { .start = 5, .end = 9, .newest_seq = 5 }, "" },
        { { .start = 0, .end = 3, .newest_seq = 9 }, "9 8 7" },
        { { .start = 0, .end = 3, .newest_seq = 10 }, "9 8 7" },
        { { .start = 0, .end = 2, .newest_seq = UINT64_C(4294967296) }, "9 8" },
        { { .start = 2, .end = 4, .newest_seq = 1000000 }, "7 6" },
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        put(f, i % 3 == 0 ? "@bob" : "@amy", i % 3 == 0 ? "@amy" : "@bob", texts[i]);
        put(f, "@amy", "@cid", "other");
    }
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        assert_texts(f, "amy", "bob", parts[i].range, parts[i].expected);
        assert_texts(f, "bob", "amy", parts[i].range, parts[i].expected);
    }
}

static void a_page_counted_from_a_message_does_not_shift(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++)
        put(f, "@amy", "@bob", "old");
    put(f, "@amy", "@bob", "new");
    assert_texts(f, "bob", "amy", (struct message_range){ .start = 0, .end = 2, .newest_seq = 5 },
                 "old old");
    for (int i = 0; i < 5; i++)
        put(f, "@amy", "@bob", "newer");
    struct message_list list = messages(f, "bob", "amy", 2, 4, 5);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].seq, 3);
    assert_int_equal(list.items[1].seq, 2);
    message_list_finish(&list);
}

static bool holds(const struct message_contacts *contacts, const char *key)
{
    size_t times = 0;
    for (size_t i = 0; i < contacts->count; i++)
        times += strcmp(contacts->items[i].key, key) == 0;
    return times == 1;
}

static void contacts_are_all_one_has_a_dialog_with(void **state)
{
    struct fixture *f = *state;
    struct message_contacts contacts;
    char tag[32];
    put(f, "@amy", "@Bob", "x");
    put(f, "@Bob", "@amy", "x");
    put(f, "@cid", "@amy", "x");
    put(f, "@Bob", "@dan", "x");
    assert_int_equal(message_store_contacts(f->store, "amy", &contacts), STATUS_OK);
    assert_int_equal(contacts.count, 2);
    assert_true(holds(&contacts, "bob") && holds(&contacts, "cid"));
    message_contacts_finish(&contacts);
    message_contacts_finish(&contacts);
    for (int i = 0; i < 100; i++) {
        snprintf(tag, sizeof(tag), "@p%d", i);
        put(f, i % 2 == 0 ? tag : "@amy", i % 2 == 0 ? "@amy" : tag, "x");
    }
    assert_int_equal(message_store_contacts(f->store, "amy", &contacts), STATUS_OK);
    assert_int_equal(contacts.count, 102);
    for (int i = 0; i < 100; i++)
        assert_true(holds(&contacts, (snprintf(tag, sizeof(tag), "p%d", i), tag)));
    message_contacts_finish(&contacts);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(the_dialog_with_the_newest_message_comes_first),
        TEST(dialogs_come_in_pages),
        TEST(a_dialog_shows_its_last_message),
        TEST(a_user_without_dialogs_has_an_empty_list),
        TEST(a_range_counts_back_from_the_newest),
        TEST(a_page_counted_from_a_message_does_not_shift),
        TEST(contacts_are_all_one_has_a_dialog_with),
    };
    char group[64];
    snprintf(group, sizeof(group), "message_store reads %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
