/*
 * services/message/store/message_store: a copy of a store is as good as the store. Each test copies
 * to a store of the suite's kind, or from one, and the other is of the same kind or a SQLite file.
 */
#include "tests/unit/unit.h"

#include "services/common/base/log.h"
#include "tests/unit/message/store/message_store_client.h"
#include "tests/unit/temp_dir.h"

enum { PAGE = 2, CHUNK = 3, STEPS_MAX = 1000 };

static const char *const people[] = { "@Ann", "@bob", "@Bob_2", "@cid" };

struct two {
    struct fixture from, to;
    char dir[TEMP_PATH_SIZE];
};

/* Which of the two is a SQLite file instead. */
enum { NEITHER, FROM, TO };

static int open_two(void **state, int file)
{
    struct two *two = calloc(1, sizeof(*two));
    if (two == NULL)
        return -1;
    *state = two;
    snprintf(two->dir, sizeof(two->dir), "%s", temp_dir_make());
    store_url_new(two->from.url);
    store_url_new(two->to.url);
    if (file != NEITHER)
        snprintf(file == FROM ? two->from.url : two->to.url, STORE_URL_SIZE, "sqlite://%s/m.db",
                 two->dir);
    return message_store_open(two->from.url, &two->from.store) == STATUS_OK &&
                   message_store_open(two->to.url, &two->to.store) == STATUS_OK
               ? 0
               : -1;
}

static int set_up_same(void **state)
{
    return open_two(state, NEITHER);
}

static int set_up_from_file(void **state)
{
    return open_two(state, FROM);
}

static int set_up_to_file(void **state)
{
    return open_two(state, TO);
}

static int tear_down_two(void **state)
{
    struct two *two = *state;
    message_store_close(&two->from.store);
    message_store_close(&two->to.store);
    temp_dir_remove(two->dir);
    free(two);
    return 0;
}

/* --- copying ------------------------------------------------------------------------------- */

/* Copies until `steps` imports are made. True when that was all. */
static bool copy_dialog(struct two *two, const struct dialog_record *record, int *steps)
{
    uint64_t newest;
    assert_int_equal(
        message_store_newest_seq(two->to.store, record->owner.key, record->peer.key, &newest),
        STATUS_OK);
    while (newest < record->last_seq) {
        uint64_t next = newest + CHUNK < record->last_seq ? newest + CHUNK : record->last_seq;
        struct message_list list = messages(&two->from, record->owner.key, record->peer.key, 0,
                                            (uint32_t)(next - newest), next);
        assert_int_equal(list.count, next - newest);
        if ((*steps)-- == 0) {
            message_list_finish(&list);
            return false;
        }
        assert_int_equal(message_store_import(two->to.store, &list), STATUS_OK);
        message_list_finish(&list);
        newest = next;
    }
    if ((*steps)-- == 0)
        return false;
    assert_int_equal(message_store_import_dialogs(two->to.store, record, 1), STATUS_OK);
    return true;
}

static bool copy_steps(struct two *two, int steps)
{
    char owner[ACCOUNT_NAME_SIZE] = "", peer[ACCOUNT_NAME_SIZE] = "";
    bool more = true, whole = true;
    while (more && whole) {
        struct dialog_record_list list;
        assert_int_equal(message_store_records(two->from.store, owner, peer, PAGE, &list),
                         STATUS_OK);
        for (size_t i = 0; i < list.count && whole; i++)
            whole = copy_dialog(two, &list.items[i], &steps);
        more = list.count == PAGE;
        if (more) {
            snprintf(owner, sizeof(owner), "%s", list.items[PAGE - 1].owner.key);
            snprintf(peer, sizeof(peer), "%s", list.items[PAGE - 1].peer.key);
        }
        free(list.items);
    }
    return whole;
}

static void copy(struct two *two)
{
    assert_true(copy_steps(two, STEPS_MAX));
}

/* --- comparing ----------------------------------------------------------------------------- */

static struct dialog_record_list all_records(struct fixture *f)
{
    struct dialog_record_list list;
    assert_int_equal(message_store_records(f->store, "", "", MANY, &list), STATUS_OK);
    return list;
}

static void assert_same_records(struct two *two)
{
    struct dialog_record_list one = all_records(&two->from), other = all_records(&two->to);
    assert_int_equal(one.count, other.count);
    for (size_t i = 0; i < one.count; i++) {
        const struct dialog_record *a = &one.items[i], *b = &other.items[i];
        assert_string_equal(a->owner.key, b->owner.key);
        assert_string_equal(a->owner.tag, b->owner.tag);
        assert_string_equal(a->peer.key, b->peer.key);
        assert_string_equal(a->peer.tag, b->peer.tag);
        assert_int_equal(a->last_seq, b->last_seq);
        assert_int_equal(a->in_count, b->in_count);
        assert_int_equal(a->out_count, b->out_count);
        assert_int_equal(a->in_read, b->in_read);
        assert_int_equal(a->out_read, b->out_read);
        assert_int_equal(a->last_date_ms, b->last_date_ms);
        assert_int_equal(a->last_mod, b->last_mod);
        assert_int_equal(a->mod, b->mod);
        assert_int_equal(a->user_seq, b->user_seq);
    }
    free(one.items);
    free(other.items);
}

/* The dialogs of a user in the same order, with the same last messages and unread counts. */
static void assert_same_dialogs(struct two *two, const char *key)
{
    struct dialog_list one = dialogs(&two->from, key, 0, 1000);
    struct dialog_list other = dialogs(&two->to, key, 0, 1000);
    assert_int_equal(one.count, other.count);
    for (size_t i = 0; i < one.count; i++) {
        assert_string_equal(one.items[i].peer_tag, other.items[i].peer_tag);
        assert_same_message(&one.items[i].last, &other.items[i].last);
        assert_int_equal(one.items[i].unread_incoming, other.items[i].unread_incoming);
        assert_int_equal(one.items[i].unread_outgoing, other.items[i].unread_outgoing);
    }
    dialog_list_finish(&one);
    dialog_list_finish(&other);
}

static void assert_same_messages(struct two *two, const char *key, const char *peer_key)
{
    struct message_list one = messages(&two->from, key, peer_key, 0, MANY, 0);
    struct message_list other = messages(&two->to, key, peer_key, 0, MANY, 0);
    assert_int_equal(one.count, other.count);
    for (size_t i = 0; i < one.count; i++)
        assert_same_message(&one.items[i], &other.items[i]);
    message_list_finish(&one);
    message_list_finish(&other);
}

static void assert_same(struct two *two)
{
    for (size_t i = 0; i < COUNT_OF(people); i++) {
        struct message_user user = user_of(people[i]);
        check_user(&two->to, people[i]);
        assert_same_dialogs(two, user.key);
        for (size_t peer = 0; peer < COUNT_OF(people); peer++)
            assert_same_messages(two, user.key, user_of(people[peer]).key);
    }
    assert_same_records(two);
}

/* Some history: conversations that grow by turns, marks, ids of clients. */
static void make_history(struct fixture *f)
{
    char text[32];
    put_with_id(f, "@Ann", "@bob", "first", "client id", STATUS_OK);
    for (int i = 0; i < 8; i++) {
        snprintf(text, sizeof(text), "\xC3\xA4 %d", i);
        put(f, i % 3 == 0 ? "@bob" : "@Ann", i % 3 == 0 ? "@Ann" : "@bob", text);
        if (i == 4)
            mark_read(f, "@bob", "@ann");
    }
    put(f, "@cid", "@Ann", "hello, Ann");
    mark_read(f, "@ann", "@cid");
    put(f, "@Bob_2", "@Ann", "I am another Bob");
    put(f, "@Bob_2", "@cid", "to you too");
    mark_read(f, "@ann", "@bob");
    put(f, "@Ann", "@cid", "hello, Cid");
}

/* --- what a copy is ------------------------------------------------------------------------ */

static void a_copy_lists_the_same_changes_as_the_store(void **state)
{
    struct two *two = *state;
    make_history(&two->from);
    copy(two);
    assert_same(two);
    reopen(&two->to);
    assert_same(two);
}

static void assert_same_send(struct two *two, const char *from, const char *to, const char *text)
{
    /* By a client's id, so that both give it the same. */
    struct message_send one = put_with_id(&two->from, from, to, text, text, STATUS_OK);
    struct message_send other = put_with_id(&two->to, from, to, text, text, STATUS_OK);
    assert_int_equal(one.seq, other.seq);
    assert_int_equal(one.sender_user_seq, other.sender_user_seq);
    assert_int_equal(one.receiver_user_seq, other.receiver_user_seq);
    assert_int_equal(one.date_ms, other.date_ms);
    assert_false(other.repeated);
}

static void assert_same_mark(struct two *two, const char *reader, const char *sender)
{
    struct message_mark one = mark_read(&two->from, reader, sender);
    struct message_mark other = mark_read(&two->to, reader, sender);
    assert_int_equal(one.newly_read, other.newly_read);
    assert_int_equal(one.reader_user_seq, other.reader_user_seq);
    assert_int_equal(one.sender_user_seq, other.sender_user_seq);
    assert_string_equal(one.sender_tag, other.sender_tag);
    assert_string_equal(one.reader_tag, other.reader_tag);
}

static void a_copy_continues_as_the_store_would_have(void **state)
{
    struct two *two = *state;
    make_history(&two->from);
    copy(two);
    assert_same_mark(two, "@cid", "@bob_2");
    assert_same_send(two, "@bob", "@Ann", "and so on");
    assert_same_send(two, "@bob", "@cid", "a new conversation");
    assert_same_mark(two, "@ann", "@bob_2");
    assert_same_mark(two, "@bob", "@ann");
    assert_same_send(two, "@Ann", "@Bob_2", "which one?");
    reopen(&two->to);
    assert_same(two);
}

/* What led to the numbers stays behind; they go on. */
static void a_copy_continues_after_the_profile_changes_of_the_store(void **state)
{
    struct two *two = *state;
    struct message_profile profile = { .user = user_of("@Ann"), .revision = 1 };
    make_history(&two->from);
    assert_int_equal(message_store_note_profile(two->from.store, &profile), STATUS_OK);
    assert_int_equal(profile.notified_count, 4);
    copy(two);
    assert_same(two);
    for (size_t i = 0; i < profile.notified_count; i++) {
        struct change_range range = { .since = profile.notified[i].user_seq, .max = 1 };
        struct change_list list;
        assert_int_equal(
            message_store_changes(two->to.store, profile.notified[i].key, range, &list), STATUS_OK);
        assert_int_equal(list.position, range.since);
        assert_false(list.reset);
        change_list_finish(&list);
    }
    free(profile.notified);
    assert_same_send(two, "@bob", "@Ann", "and so on");
    assert_same(two);
}

static void a_message_of_the_store_sent_again_in_a_copy_is_recognised(void **state)
{
    struct two *two = *state;
    make_history(&two->from);
    copy(two);
    struct message_send again =
        put_with_id(&two->to, "@Ann", "@bob", "first", "client id", STATUS_OK);
    assert_true(again.repeated);
    assert_true(again.is_read);
    assert_int_equal(again.seq, 1);
    assert_int_equal(again.sender_user_seq, 0);
    assert_int_equal(again.receiver_user_seq, 0);
    put_with_id(&two->to, "@Ann", "@bob", "another text", "client id", STATUS_CONFLICT);
    put_with_id(&two->to, "@Ann", "@cid", "first", "client id", STATUS_CONFLICT);
    reopen(&two->to);
    assert_same(two);
}

static void copying_again_changes_nothing(void **state)
{
    struct two *two = *state;
    make_history(&two->from);
    copy(two);
    copy(two);
    assert_same(two);
}

static void a_copy_that_ends_after_any_step_is_finished_by_the_next(void **state)
{
    struct two *two = *state;
    int steps = 0;
    make_history(&two->from);
    while (!copy_steps(two, steps++))
        reopen(&two->to);
    assert_true(steps > 8); /* there are 8 dialogs */
    assert_same(two);
}

static void additions_are_copied_by_the_next_copy(void **state)
{
    struct two *two = *state;
    make_history(&two->from);
    copy(two);
    put(&two->from, "@bob", "@Ann", "one more");
    put(&two->from, "@cid", "@bob", "and a new one");
    mark_read(&two->from, "@cid", "@ann");
    copy(two);
    assert_same(two);
    make_history(&two->from);
    copy(two);
    assert_same(two);
}

/* --- what is refused ----------------------------------------------------------------------- */

static void another_message_in_its_place_is_a_conflict(void **state)
{
    struct two *two = *state;
    put(&two->from, "@Ann", "@bob", "one");
    put(&two->from, "@bob", "@Ann", "two");
    put(&two->to, "@Ann", "@bob", "one");
    struct message_list list = messages(&two->from, "ann", "bob", 0, MANY, 0);
    assert_int_equal(message_store_import(two->to.store, &list), STATUS_CONFLICT);
    message_list_finish(&list);
    assert_texts(&two->to, "ann", "bob",
                 (struct message_range){ .start = 0, .end = MANY, .newest_seq = 0 }, "one");
    check_user(&two->to, "@Ann");
}

static void each_difference_from_what_is_there_is_a_conflict(void **state)
{
    struct two *two = *state;
    put(&two->from, "@Ann", "@bob", "one");
    copy(two);
    for (int field = 0; field < 4; field++) {
        struct message_list list = messages(&two->from, "ann", "bob", 0, 1, 0);
        struct message *message = &list.items[0];
        message->id.bytes[11] ^= field == 0;
        message->text[0] ^= field == 1;
        message->date_ms += field == 2;
        message->sender_count += field == 3;
        assert_int_equal(message_store_import(two->to.store, &list), STATUS_CONFLICT);
        message_list_finish(&list);
    }
    assert_same(two);
}

static void an_id_that_another_message_has_is_a_conflict(void **state)
{
    struct two *two = *state;
    put(&two->from, "@Ann", "@bob", "one");
    copy(two);
    struct message_list list = messages(&two->from, "ann", "bob", 0, 1, 0);
    snprintf(list.items[0].receiver_tag, ACCOUNT_NAME_SIZE, "@cid");
    assert_int_equal(message_store_import(two->to.store, &list), STATUS_CONFLICT);
    message_list_finish(&list);
    assert_same(two);
    assert_texts(&two->to, "ann", "cid",
                 (struct message_range){ .start = 0, .end = MANY, .newest_seq = 0 }, "");
}

static void only_messages_without_holes_can_be_imported(void **state)
{
    struct two *two = *state;
    struct message_list none = { 0 };
    make_history(&two->from);
    assert_int_equal(message_store_import(two->to.store, &none), STATUS_OK);
    struct message_list later = messages(&two->from, "ann", "bob", 0, 2, 0);
    assert_int_equal(message_store_import(two->to.store, &later), STATUS_INVALID_ARGUMENT);
    message_list_finish(&later);
    struct message_list holed = messages(&two->from, "ann", "bob", 0, MANY, 3);
    struct message middle = holed.items[1];
    holed.items[1] = holed.items[2];
    assert_int_equal(message_store_import(two->to.store, &holed), STATUS_INVALID_ARGUMENT);
    holed.items[1] = middle;
    snprintf(holed.items[1].receiver_tag, ACCOUNT_NAME_SIZE, "@cid");
    assert_int_equal(message_store_import(two->to.store, &holed), STATUS_INVALID_ARGUMENT);
    message_list_finish(&holed);
    struct dialog_record_list records = all_records(&two->to);
    assert_int_equal(records.count, 0);
    free(records.items);
}

static void no_number_decreases(void **state)
{
    struct two *two = *state;
    make_history(&two->from);
    struct dialog_record_list old = all_records(&two->from);
    put(&two->from, "@bob", "@Ann", "one more");
    mark_read(&two->from, "@ann", "@bob");
    copy(two);
    assert_int_equal(message_store_import_dialogs(two->to.store, old.items, old.count), STATUS_OK);
    free(old.items);
    assert_same(two);
}

/* --- lists --------------------------------------------------------------------------------- */

static void records_come_in_pages_by_owner_and_peer(void **state)
{
    struct two *two = *state;
    const char *const expected[] = { "ann bob",   "ann bob_2", "ann cid", "bob ann",
                                     "bob_2 ann", "bob_2 cid", "cid ann", "cid bob_2" };
    char owner[ACCOUNT_NAME_SIZE] = "", peer[ACCOUNT_NAME_SIZE] = "", both[2 * ACCOUNT_NAME_SIZE];
    make_history(&two->from);
    for (size_t i = 0; i <= COUNT_OF(expected); i++) {
        struct dialog_record_list list;
        assert_int_equal(message_store_records(two->from.store, owner, peer, 1, &list), STATUS_OK);
        assert_int_equal(list.count, i < COUNT_OF(expected));
        if (list.count == 1) {
            snprintf(owner, sizeof(owner), "%s", list.items[0].owner.key);
            snprintf(peer, sizeof(peer), "%s", list.items[0].peer.key);
            snprintf(both, sizeof(both), "%s %s", owner, peer);
            assert_string_equal(both, expected[i]);
        }
        free(list.items);
    }
}

static void a_record_has_all_numbers_of_a_dialog(void **state)
{
    struct two *two = *state;
    make_history(&two->from);
    struct dialog_record_list list = all_records(&two->from);
    const struct dialog_record *record = &list.items[0];
    assert_string_equal(record->owner.tag, "@Ann");
    assert_string_equal(record->peer.tag, "@bob");
    assert_int_equal(record->last_seq, 9);
    assert_int_equal(record->in_count, 3);
    assert_int_equal(record->out_count, 6);
    assert_int_equal(record->in_read, 3);
    assert_int_equal(record->out_read, 4);
    assert_int_equal(record->last_date_ms, 1600000000000);
    assert_int_equal(record->last_mod, 10);
    assert_int_equal(record->mod, 14);
    assert_int_equal(record->user_seq, 15);
    free(list.items);
}

static void everything_is_counted(void **state)
{
    struct two *two = *state;
    struct message_store_counts counts;
    uint64_t seq;
    assert_int_equal(message_store_count(two->from.store, &counts), STATUS_OK);
    assert_int_equal(counts.dialogs + counts.messages, 0);
    make_history(&two->from);
    assert_int_equal(message_store_count(two->from.store, &counts), STATUS_OK);
    assert_int_equal(counts.dialogs, 8);
    assert_int_equal(counts.messages, 13);
    assert_int_equal(message_store_newest_seq(two->from.store, "bob", "ann", &seq), STATUS_OK);
    assert_int_equal(seq, 9);
    assert_int_equal(message_store_newest_seq(two->from.store, "bob", "nobody", &seq), STATUS_OK);
    assert_int_equal(seq, 0);
}

#define SAME(name) cmocka_unit_test_setup_teardown(name, set_up_same, tear_down_two)
#define EACH_WAY(name)                                                                             \
    SAME(name), cmocka_unit_test_setup_teardown(name, set_up_from_file, tear_down_two),            \
        cmocka_unit_test_setup_teardown(name, set_up_to_file, tear_down_two)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        EACH_WAY(a_copy_lists_the_same_changes_as_the_store),
        EACH_WAY(a_copy_continues_as_the_store_would_have),
        EACH_WAY(a_message_of_the_store_sent_again_in_a_copy_is_recognised),
        EACH_WAY(additions_are_copied_by_the_next_copy),
        EACH_WAY(a_copy_continues_after_the_profile_changes_of_the_store),
        SAME(copying_again_changes_nothing),
        SAME(a_copy_that_ends_after_any_step_is_finished_by_the_next),
        SAME(another_message_in_its_place_is_a_conflict),
        SAME(each_difference_from_what_is_there_is_a_conflict),
        SAME(an_id_that_another_message_has_is_a_conflict),
        SAME(only_messages_without_holes_can_be_imported),
        SAME(no_number_decreases),
        SAME(records_come_in_pages_by_owner_and_peer),
        SAME(a_record_has_all_numbers_of_a_dialog),
        SAME(everything_is_counted),
    };
    char group[64];
    snprintf(group, sizeof(group), "message_store copy %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
