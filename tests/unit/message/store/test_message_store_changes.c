/*
 * services/message/store/message_store: what a user has missed, on every kind of store. Whoever
 * takes the changes page by page, from wherever, ends up with what reading everything afresh gives.
 */
#include "tests/unit/unit.h"

#include "services/common/base/log.h"
#include "tests/unit/message/store/message_store_changes.h"

/* --- changes ------------------------------------------------------------------------------- */

static void an_unknown_user_has_no_changes(void **state)
{
    struct fixture *f = *state;
    assert_changes(f, "nobody", 0, "");
    assert_position(f, "nobody", 0, 0);
}

static void messages_of_both_directions_come_in_order(void **state)
{
    struct fixture *f = *state;
    put(f, "@Amy", "@Bob", "one");
    put(f, "@Bob", "@Amy", "two");
    put(f, "@cid", "@Amy", "three");
    put(f, "@Bob", "@cid", "other");
    put(f, "@Amy", "@Bob", "four");
    assert_changes(f, "amy", 0,
                   "1 sent @Bob one, 2 new @Bob two, 3 new @cid three, 4 sent @Bob four");
    assert_changes(f, "bob", 0,
                   "1 new @Amy one, 2 sent @Amy two, 3 sent @cid other, "
                   "4 new @Amy four");
    assert_changes(f, "cid", 0, "1 sent @Amy three, 2 new @Bob other");
    assert_changes(f, "amy", 2, "3 new @cid three, 4 sent @Bob four");
    assert_changes(f, "amy", 3, "4 sent @Bob four");
    reopen(f);
    assert_changes(f, "cid", 1, "2 new @Bob other");
}

static void a_message_is_notified_as_it_was_sent(void **state)
{
    struct fixture *f = *state;
    struct message_send sent = put(f, "@Amy", "@Bob", "hi, \xD0\xB1 \xF0\x9F\x98\x80");
    put(f, "@Amy", "@Bob", "unread");
    for (int owner = 0; owner < 2; owner++) {
        struct change_list list = changes(f, owner == 0 ? "amy" : "bob", 0, MANY, false);
        struct message_list all = messages(f, "amy", "bob", 0, MANY, 0);
        assert_int_equal(list.count, 2);
        assert_same_message(&list.items[0].message, &all.items[1]);
        assert_same_message(&list.items[1].message, &all.items[0]);
        assert_memory_equal(list.items[0].message.id.bytes, sent.id.bytes, ID_BYTES);
        assert_int_equal(list.items[0].user_seq,
                         owner == 0 ? sent.sender_user_seq : sent.receiver_user_seq);
        assert_int_equal(list.dialogs.count, 0); /* they were not asked for */
        message_list_finish(&all);
        change_list_finish(&list);
    }
}

static void a_message_that_was_read_meanwhile_is_listed_as_read(void **state)
{
    struct fixture *f = *state;
    put(f, "@amy", "@bob", "1");
    put(f, "@amy", "@bob", "2");
    mark_read(f, "@bob", "@amy");
    put(f, "@amy", "@bob", "3");
    for (int owner = 0; owner < 2; owner++) {
        struct change_list list = changes(f, owner == 0 ? "amy" : "bob", 0, MANY, false);
        assert_int_equal(list.count, 4);
        assert_true(list.items[0].message.is_read);
        assert_true(list.items[1].message.is_read);
        assert_false(list.items[3].message.is_read);
        change_list_finish(&list);
    }
}

static void marks_are_notified_to_both_sides(void **state)
{
    struct fixture *f = *state;
    put(f, "@Amy", "@Bob", "1");
    struct message_mark mark = mark_read(f, "@bob", "@amy");
    assert_int_equal(mark.reader_user_seq, 2);
    assert_int_equal(mark.sender_user_seq, 2);
    assert_changes(f, "amy", 1, "2 wasRead @Bob");
    assert_changes(f, "bob", 1, "2 read @Amy");
    mark_read(f, "@bob", "@amy"); /* changes nothing */
    assert_changes(f, "amy", 2, "");
}

/* The last of several marks is there, in its place; the others may be. */
static void the_last_of_several_marks_is_always_notified(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        put(f, "@Amy", "@bob", "m");
        mark_read(f, "@bob", "@amy");
    }
    struct change_list list = changes(f, "amy", 0, MANY, false);
    size_t sent = 0, marks = 0;
    for (size_t i = 0; i < list.count; i++) {
        sent += list.items[i].kind == CHANGE_MESSAGE_SENT;
        marks += list.items[i].kind == CHANGE_WAS_READ;
    }
    assert_int_equal(sent, 3);
    assert_in_range(marks, 1, 3);
    assert_int_equal(list.items[list.count - 1].kind, CHANGE_WAS_READ);
    assert_int_equal(list.items[list.count - 1].user_seq, 6);
    assert_int_equal(list.position, 6);
    change_list_finish(&list);
}

static void pages_of_any_size_have_everything_once_and_in_order(void **state)
{
    struct fixture *f = *state;
    static const char expected[] = "m0 m1 m2 m3 m4 m5 m6 m7 m8 m9 ";
    char text[16];
    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof(text), "m%d", i);
        put(f, i % 3 == 0 ? "@bob" : "@amy", i % 3 == 0 ? "@amy" : "@bob", text);
        if (i == 4 || i == 6)
            mark_read(f, "@amy", "@bob");
    }
    for (size_t max = 1; max <= 14; max++) {
        char texts[256] = "";
        uint64_t position = 0;
        bool more = true;
        for (int pages = 0; more; pages++) {
            struct change_list list = changes(f, "amy", position, max, pages % 2 == 0);
            assert_true(pages < 20 && list.count <= max && !list.reset);
            assert_true(!list.more || list.count > 0);
            for (size_t i = 0; i < list.count; i++) {
                assert_true(list.items[i].user_seq > position);
                position = list.items[i].user_seq;
                if (list.items[i].message.text != NULL)
                    snprintf(texts + strlen(texts), sizeof(texts) - strlen(texts), "%s ",
                             list.items[i].message.text);
            }
            if (list.more)
                assert_int_equal(list.position, position);
            position = list.position;
            more = list.more;
            change_list_finish(&list);
        }
        assert_string_equal(texts, expected);
        assert_int_equal(position, 12);
    }
}

static void the_last_page_says_that_it_is_the_last(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        put(f, "@amy", "@bob", "x");
    static const struct {
        uint64_t since, max, count, position;
        bool more;
    } cases[] = { { 0, 2, 2, 2, true },  { 0, 3, 3, 3, false }, { 0, 4, 3, 3, false },
                  { 2, 1, 1, 3, false }, { 3, 1, 0, 3, false }, { 1, 1, 1, 2, true } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct change_list list = changes(f, "bob", cases[i].since, cases[i].max, false);
        assert_int_equal(list.count, cases[i].count);
        assert_int_equal(list.position, cases[i].position);
        assert_int_equal(list.more, cases[i].more);
        assert_false(list.reset);
        change_list_finish(&list);
    }
}

static void a_position_from_the_future_is_a_reset(void **state)
{
    struct fixture *f = *state;
    static const uint64_t future[] = { 3, 4, 1000, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX };
    put(f, "@amy", "@bob", "x");
    put(f, "@amy", "@bob", "x");
    for (size_t i = 0; i < COUNT_OF(future); i++) {
        assert_reset(f, "amy", future[i], 2);
        assert_reset(f, "nobody", future[i], 0);
    }
    assert_changes(f, "amy", 2, "");
}

/* --- dialogs ------------------------------------------------------------------------------- */

static void dialogs_come_in_the_order_of_their_first_change(void **state)
{
    struct fixture *f = *state;
    put(f, "@amy", "@bob", "b");
    put(f, "@cid", "@amy", "c");
    put(f, "@amy", "@dan", "d");
    put(f, "@bob", "@amy", "bb");
    mark_read(f, "@amy", "@cid");
    assert_dialogs(f, "amy", 0, MANY, "bob cid dan");
    assert_dialogs(f, "amy", 1, MANY, "cid dan bob");
    assert_dialogs(f, "amy", 3, MANY, "bob cid");
    assert_dialogs(f, "amy", 4, MANY, "cid");
    assert_dialogs(f, "amy", 5, MANY, "");
    assert_dialogs(f, "amy", 0, 1, "bob");
    assert_dialogs(f, "amy", 1, 2, "cid dan");
    assert_dialogs(f, "cid", 0, MANY, "amy");
}

/* assert_dialogs compares each with what message_store_dialogs has. */
static void dialogs_are_current_whichever_change_lists_them(void **state)
{
    struct fixture *f = *state;
    put(f, "@Amy", "@Bob", "1");
    put(f, "@Amy", "@Bob", "2");
    put(f, "@Bob", "@Amy", "3");
    mark_read(f, "@bob", "@amy");
    put(f, "@Amy", "@Bob", "4");
    for (uint64_t since = 0; since < 5; since++) {
        assert_dialogs(f, "amy", since, 1, "bob");
        assert_dialogs(f, "bob", since, MANY, "amy");
    }
}

/* --- profiles ------------------------------------------------------------------------------ */

static void a_profile_change_is_notified_to_the_user_and_the_contacts(void **state)
{
    struct fixture *f = *state;
    put(f, "@Amy", "@Bob", "1");
    put(f, "@cid", "@Amy", "2");
    put(f, "@Bob", "@cid", "other");
    assert_told(f, "@Amy", 1, "amy 3, bob 3, cid 3");
    assert_changes(f, "amy", 2, "3 self");
    assert_changes(f, "bob", 2, "3 contact @Amy");
    assert_changes(f, "cid", 2, "3 contact @Amy");
    assert_dialogs(f, "amy", 2, MANY, "");
    assert_dialogs(f, "bob", 2, MANY, "amy");
    assert_told(f, "@Bob", 1, "amy 4, bob 4, cid 4");
    assert_changes(f, "amy", 3, "4 contact @Bob");
    put(f, "@Amy", "@Bob", "3");
    assert_changes(f, "amy", 4, "5 sent @Bob 3");
    check_user(f, "@Amy");
    check_user(f, "@Bob");
}

static void a_revision_that_is_not_newer_changes_nothing(void **state)
{
    struct fixture *f = *state;
    put(f, "@amy", "@bob", "1");
    assert_told(f, "@amy", 3, "amy 2, bob 2");
    assert_told(f, "@amy", 3, "");
    assert_told(f, "@amy", 2, "");
    assert_told(f, "@amy", 1, "");
    assert_told(f, "@amy", 4, "amy 3, bob 3");
    assert_told(f, "@bob", 1, "amy 4, bob 4"); /* revisions are each user's own */
    reopen(f);
    assert_told(f, "@amy", 4, "");
    assert_told(f, "@bob", 1, "");
    assert_position(f, "amy", 0, 4);
    assert_position(f, "bob", 0, 4);
}

static void a_user_without_contacts_is_the_only_one_notified(void **state)
{
    struct fixture *f = *state;
    assert_told(f, "@Amy", 1, "amy 1");
    assert_changes(f, "amy", 0, "1 self");
    assert_told(f, "@Amy", 1, "");
    put(f, "@Amy", "@bob", "1");
    assert_changes(f, "amy", 0, "1 self, 2 sent @bob 1");
    assert_changes(f, "bob", 0, "1 new @Amy 1"); /* earlier ones are not listed */
    check_user(f, "@Amy");
}

static void a_profile_changes_no_order_of_the_dialogs(void **state)
{
    struct fixture *f = *state;
    put(f, "@amy", "@bob", "1");
    put(f, "@amy", "@cid", "2");
    assert_told(f, "@bob", 1, "amy 3, bob 2");
    assert_peers(f, "amy", 0, 10, "@cid @bob");
}

/* --- positions and the epoch --------------------------------------------------------------- */

static void positions_of_several_users_are_returned_at_once(void **state)
{
    struct fixture *f = *state;
    static const char keys[][ACCOUNT_NAME_SIZE] = { "bob", "nobody", "amy", "bob", "cid", "an" };
    static const uint64_t expected[] = { 1, 0, 3, 1, 2, 0 };
    uint64_t found[COUNT_OF(keys)];
    put(f, "@amy", "@bob", "1");
    put(f, "@amy", "@cid", "2");
    mark_read(f, "@cid", "@amy");
    memset(found, 0xff, sizeof(found));
    assert_int_equal(message_store_positions(f->store, keys, COUNT_OF(keys), found), STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_int_equal(found[i], expected[i]);
    assert_int_equal(message_store_positions(f->store, keys + 1, 1, found), STATUS_OK);
    assert_int_equal(found[0], 0);
    assert_int_equal(message_store_positions(f->store, keys, 0, found), STATUS_OK);
}

static void the_epoch_is_the_stores_own_and_stays(void **state)
{
    struct fixture *f = *state;
    struct fixture other = { .store = NULL };
    char epoch[EPOCH_SIZE], again[EPOCH_SIZE];
    assert_int_equal(message_store_epoch(f->store, epoch), STATUS_OK);
    assert_int_equal(strlen(epoch), EPOCH_SIZE - 1);
    assert_int_equal(strspn(epoch, "0123456789abcdef"), EPOCH_SIZE - 1);
    assert_int_equal(message_store_epoch(f->store, again), STATUS_OK);
    assert_string_equal(again, epoch);
    assert_int_equal(message_store_open(f->url, &other.store), STATUS_OK); /* at the same time */
    assert_int_equal(message_store_epoch(other.store, again), STATUS_OK);
    assert_string_equal(again, epoch);
    message_store_close(&other.store);
    reopen(f);
    assert_int_equal(message_store_epoch(f->store, again), STATUS_OK);
    assert_string_equal(again, epoch);
    store_url_new(other.url);
    assert_int_equal(message_store_open(other.url, &other.store), STATUS_OK);
    assert_int_equal(message_store_epoch(other.store, again), STATUS_OK);
    assert_string_not_equal(again, epoch);
    message_store_close(&other.store);
}

/* --- history that was imported ------------------------------------------------------------- */

/* Two messages that came from another store, where amy had had 7 changes and bob 5. */
static void import_history(struct fixture *f)
{
    struct message items[2] = {
        { .id = id_new(), .sender_tag = "@Bob", .receiver_tag = "@Amy", .text = (char *)"two" },
        { .id = id_new(), .sender_tag = "@Amy", .receiver_tag = "@Bob", .text = (char *)"one" },
    };
    struct dialog_record records[2] = {
        { .owner = user_of("@Amy"), .peer = user_of("@Bob"), .in_read = 1, .user_seq = 7 },
        { .owner = user_of("@Bob"), .peer = user_of("@Amy"), .out_read = 1, .user_seq = 5 },
    };
    for (size_t i = 0; i < 2; i++) {
        items[i].date_ms = 1600000000000;
        items[i].seq = 2 - i;
        items[i].sender_count = 1;
        records[i].last_seq = 2;
        records[i].in_count = records[i].out_count = 1;
        records[i].last_date_ms = items[i].date_ms;
        records[i].last_mod = records[i].mod = records[i].user_seq - 1;
    }
    struct message_list list = { items, 2 };
    assert_int_equal(message_store_import(f->store, &list), STATUS_OK);
    assert_int_equal(message_store_import_dialogs(f->store, records, 2), STATUS_OK);
}

static void imported_history_cannot_be_listed_as_changes(void **state)
{
    struct fixture *f = *state;
    import_history(f);
    for (uint64_t since = 0; since < 7; since++)
        assert_reset(f, "amy", since, 7);
    assert_reset(f, "bob", 0, 5);
    assert_changes(f, "amy", 7, "");
    assert_changes(f, "bob", 5, "");
    assert_reset(f, "amy", 8, 7);
    check_user(f, "@Amy");
}

static void changes_after_imported_history_are_listed(void **state)
{
    struct fixture *f = *state;
    import_history(f);
    put(f, "@Amy", "@Bob", "three");
    mark_read(f, "@bob", "@amy");
    assert_changes(f, "amy", 7, "8 sent @Bob three, 9 wasRead @Bob");
    assert_changes(f, "bob", 5, "6 new @Amy three, 7 read @Amy");
    assert_changes(f, "bob", 6, "7 read @Amy");
    assert_changes(f, "bob", 7, "");
    assert_dialogs(f, "amy", 7, MANY, "bob");
    assert_reset(f, "amy", 0, 9);
    assert_reset(f, "amy", 6, 9);
    assert_reset(f, "bob", 4, 7);
    assert_reset(f, "bob", 8, 7);
}

/* A store that has changes of its own gets more history: their numbers end below it. */
static void a_gap_that_an_import_leaves_is_never_skipped(void **state)
{
    struct fixture *f = *state;
    put(f, "@Amy", "@cid", "a");
    put(f, "@cid", "@Amy", "b");
    import_history(f);
    assert_reset(f, "amy", 0, 7);
    assert_reset(f, "amy", 2, 7);
    put(f, "@Amy", "@cid", "c");
    put(f, "@Amy", "@cid", "d");
    assert_reset(f, "amy", 1, 9);
    assert_changes(f, "amy", 7, "8 sent @cid c, 9 sent @cid d");
    struct change_list list = changes(f, "amy", 2, 1, false); /* a page with more after it */
    assert_true(list.reset);
    change_list_finish(&list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(an_unknown_user_has_no_changes),
        TEST(messages_of_both_directions_come_in_order),
        TEST(a_message_is_notified_as_it_was_sent),
        TEST(a_message_that_was_read_meanwhile_is_listed_as_read),
        TEST(marks_are_notified_to_both_sides),
        TEST(the_last_of_several_marks_is_always_notified),
        TEST(pages_of_any_size_have_everything_once_and_in_order),
        TEST(the_last_page_says_that_it_is_the_last),
        TEST(a_position_from_the_future_is_a_reset),
        TEST(dialogs_come_in_the_order_of_their_first_change),
        TEST(dialogs_are_current_whichever_change_lists_them),
        TEST(a_profile_change_is_notified_to_the_user_and_the_contacts),
        TEST(a_revision_that_is_not_newer_changes_nothing),
        TEST(a_user_without_contacts_is_the_only_one_notified),
        TEST(a_profile_changes_no_order_of_the_dialogs),
        TEST(positions_of_several_users_are_returned_at_once),
        TEST(the_epoch_is_the_stores_own_and_stays),
        TEST(imported_history_cannot_be_listed_as_changes),
        TEST(changes_after_imported_history_are_listed),
        TEST(a_gap_that_an_import_leaves_is_never_skipped),
    };
    char group[64];
    snprintf(group, sizeof(group), "message_store_changes %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
