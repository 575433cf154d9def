/* services/message/store/message_store: erasing what an account that is gone has left. */
#include "tests/unit/unit.h"

#include <sys/stat.h>

#include "services/common/base/log.h"
#include "tests/unit/message/store/message_store_client.h"

enum { MANY_TEXTS = 1203, PEERS = 3 };

static struct message_range all_entries(void)
{
    return (struct message_range){ .start = 0, .end = 10000 };
}

/* How many texts were erased. */
static uint64_t erase(struct fixture *f, const char *tag, bool texts)
{
    struct message_erasure erasure = { .user = user_of(tag), .texts = texts };

    while (!erasure.is_over)
        assert_int_equal(message_store_erase(f->store, &erasure), STATUS_OK);
    return erasure.erased;
}

static void decide(struct fixture *f, const char *owner, const char *peer,
                   enum relation_action action)
{
    struct relation_change change = {
        .owner = user_of(owner), .peer = user_of(peer), .action = action, .now_ms = 1600000000000
    };
    assert_int_equal(message_store_relate(f->store, &change), STATUS_OK);
}

static struct relation relation_of(struct fixture *f, const char *owner_key, const char *peer_key)
{
    char keys[1][ACCOUNT_NAME_SIZE] = { "" };
    struct relation relation;

    snprintf(keys[0], sizeof(keys[0]), "%s", peer_key);
    assert_int_equal(message_store_relations(f->store, owner_key,
                                             (const char(*)[ACCOUNT_NAME_SIZE])keys, 1, &relation),
                     STATUS_OK);
    return relation;
}

/* --- texts --------------------------------------------------------------------------------- */

static void texts_of_one_are_gone_for_everybody_and_those_of_others_stay(void **state)
{
    struct fixture *f = *state;

    put(f, "@Amy", "@bob", "a1");
    put(f, "@bob", "@Amy", "b1");
    put(f, "@Amy", "@bob", "a2");
    put(f, "@cid", "@Amy", "c1");
    put(f, "@bob", "@cid", "b2");
    mark_up_to(f, "@bob", "@Amy", 1);
    assert_int_equal(erase(f, "@Amy", true), 2);
    assert_texts(f, "bob", "amy", all_entries(), " b1 ");
    assert_texts(f, "amy", "bob", all_entries(), " b1 ");
    assert_texts(f, "cid", "amy", all_entries(), "c1");
    assert_texts(f, "bob", "cid", all_entries(), "b2");
    check_user(f, "@bob");
    check_user(f, "@cid");
    struct dialog_list list = dialogs(f, "bob", 1, 2);
    assert_string_equal(list.items[0].peer_tag, "@Amy");
    assert_string_equal(list.items[0].last.text, "");
    assert_int_equal(list.items[0].unread_incoming, 1);
    dialog_list_finish(&list);
    put(f, "@bob", "@cid", "b3");
    check_user(f, "@bob");
}

static void texts_stay_where_only_decisions_are_erased(void **state)
{
    struct fixture *f = *state;

    put(f, "@amy", "@bob", "a1");
    decide(f, "@amy", "@cid", RELATION_BLOCK);
    assert_int_equal(erase(f, "@amy", false), 0);
    assert_texts(f, "bob", "amy", all_entries(), "a1");
    assert_int_equal(relation_of(f, "amy", "cid").mine, RELATION_NONE);
}

static void one_who_has_left_nothing_is_erased_at_once(void **state)
{
    struct fixture *f = *state;
    struct message_erasure erasure = { .user = user_of("@nobody"), .texts = true };

    put(f, "@amy", "@bob", "a1");
    assert_int_equal(message_store_erase(f->store, &erasure), STATUS_OK);
    assert_true(erasure.is_over);
    assert_int_equal(erasure.erased, 0);
    assert_texts(f, "bob", "amy", all_entries(), "a1");
}

/* A key that begins like another one. */
static void names_that_begin_alike_are_distinct(void **state)
{
    struct fixture *f = *state;

    put(f, "@amy", "@bob", "a1");
    put(f, "@amy2", "@bob", "a2");
    put(f, "@am", "@bob", "a0");
    assert_int_equal(erase(f, "@amy", true), 1);
    assert_texts(f, "bob", "amy", all_entries(), "");
    assert_texts(f, "bob", "amy2", all_entries(), "a2");
    assert_texts(f, "bob", "am", all_entries(), "a0");
}

static void many_texts_are_erased_in_parts(void **state)
{
    static const char *const peers[PEERS] = { "@bob", "@cid", "@dan" };
    struct fixture *f = *state;
    struct message_erasure erasure = { .user = user_of("@amy"), .texts = true };
    int calls = 0;

    for (int i = 0; i < MANY_TEXTS; i++) {
        put(f, "@amy", peers[i % 7 % PEERS], "mine");
        if (i % 5 == 0)
            put(f, peers[i % PEERS], "@amy", "theirs");
    }
    for (; !erasure.is_over; calls++)
        assert_int_equal(message_store_erase(f->store, &erasure), STATUS_OK);
    assert_true(calls > 2);
    assert_int_equal(erasure.erased, MANY_TEXTS);
    for (int i = 0; i < PEERS; i++) {
        struct message_user peer = user_of(peers[i]);
        struct message_list list = messages(f, peer.key, "amy", 0, MANY, 0);
        assert_true(list.count > MANY_TEXTS / 10);
        for (size_t m = 0; m < list.count; m++)
            assert_string_equal(list.items[m].text,
                                strcmp(list.items[m].sender_tag, "@amy") == 0 ? "" : "theirs");
        message_list_finish(&list);
        check_user(f, peers[i]);
    }
    assert_int_equal(erase(f, "@amy", true), 0);
}

/* --- decisions ----------------------------------------------------------------------------- */

static void decisions_are_gone_and_those_of_others_stay(void **state)
{
    struct fixture *f = *state;
    struct message_user amy = user_of("@amy");
    struct privacy privacy = { AUDIENCE_NOBODY, AUDIENCE_CONTACTS };
    struct blocked_list list;

    assert_int_equal(message_store_set_privacy(f->store, &amy, privacy), STATUS_OK);
    decide(f, "@amy", "@bob", RELATION_BLOCK);
    decide(f, "@amy", "@cid", RELATION_ADD);
    decide(f, "@bob", "@amy", RELATION_BLOCK);
    decide(f, "@amy2", "@bob", RELATION_BLOCK);
    erase(f, "@amy", true);
    assert_int_equal(relation_of(f, "amy", "bob").mine, RELATION_NONE);
    assert_int_equal(relation_of(f, "amy", "cid").mine, RELATION_NONE);
    assert_int_equal(relation_of(f, "bob", "amy").mine, RELATION_BLOCKED);
    assert_int_equal(relation_of(f, "amy2", "bob").mine, RELATION_BLOCKED);
    assert_int_equal(message_store_blocked(f->store, "amy", &list), STATUS_OK);
    assert_int_equal(list.count, 0);
    blocked_list_finish(&list);
    assert_int_equal(message_store_privacy(f->store, "amy", &privacy), STATUS_OK);
    assert_int_equal(privacy.online, AUDIENCE_EVERYONE);
    assert_int_equal(privacy.read_marks, AUDIENCE_EVERYONE);
}

/* What the one who is gone had blocked is not delivered afterwards, and its numbers stay. */
static void what_was_withheld_stays_so(void **state)
{
    struct fixture *f = *state;

    put(f, "@amy", "@bob", "a1");
    decide(f, "@amy", "@bob", RELATION_BLOCK);
    put(f, "@bob", "@amy", "b1");
    decide(f, "@bob", "@amy", RELATION_BLOCK);
    decide(f, "@amy", "@bob", RELATION_UNBLOCK);
    put(f, "@amy", "@bob", "a2");
    decide(f, "@amy", "@bob", RELATION_BLOCK);
    assert_int_equal(erase(f, "@amy", true), 2);
    assert_texts(f, "bob", "amy", all_entries(), "b1 ");
    assert_texts(f, "amy", "bob", all_entries(), " ");
    struct message_list list = messages(f, "bob", "amy", 0, MANY, 0);
    assert_int_equal(list.items[0].seq, 2);
    assert_int_equal(list.items[1].seq, 1);
    message_list_finish(&list);
}

/* --- notices ------------------------------------------------------------------------------- */

/* Whatever they may see: they have texts to forget. */
static void everybody_with_a_dialog_gets_a_number_of_the_end(void **state)
{
    struct fixture *f = *state;
    struct message_profile profile = {
        .user = user_of("@amy"), .consent = true, .is_deleted = true, .revision = 7
    };

    put(f, "@amy", "@bob", "a1");
    put(f, "@amy", "@cid", "a1");
    decide(f, "@cid", "@amy", RELATION_BLOCK);
    erase(f, "@amy", true);
    assert_int_equal(message_store_note_profile(f->store, &profile), STATUS_OK);
    assert_int_equal(profile.notified_count, 3);
    free(profile.notified);
    assert_int_equal(message_store_note_profile(f->store, &profile), STATUS_OK);
    assert_int_equal(profile.notified_count, 0);
    free(profile.notified);
}

/* --- files --------------------------------------------------------------------------------- */

static size_t occurrences(const char *path, const char *word)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    size_t count = 0;

    if (file == NULL)
        return 0;
    assert_int_equal(fstat(fileno(file), &info), 0);
    size_t size = (size_t)info.st_size;
    char *bytes = malloc(size + 1);
    assert_int_equal(fread(bytes, 1, size, file), size);
    /* Not by memmem, of which ThreadSanitizer checks all that is left with each call. */
    for (size_t at = 0, length = strlen(word); at + length <= size; at++)
        count += bytes[at] == *word && memcmp(bytes + at, word, length) == 0;
    free(bytes);
    fclose(file);
    return count;
}

static size_t occurrences_in_files(const char *url, const char *word)
{
    char path[STORE_URL_SIZE + 8];
    const char *file = url + strlen("sqlite://");

    snprintf(path, sizeof(path), "%s-wal", file);
    return occurrences(file, word) + occurrences(path, word);
}

static void nothing_is_left_in_the_files_of_a_store(void **state)
{
    struct fixture *f = *state;
    char text[64], from[16];

    if (strncmp(f->url, "sqlite:", strlen("sqlite:")) != 0)
        return; /* the files of a server are its own */
    for (int i = 0; i < MANY_TEXTS; i++) {
        snprintf(text, sizeof(text), "%s %d", i % 3 == 0 ? "secretword" : "otherword", i);
        snprintf(from, sizeof(from), "@u%d", i * 31 % 60);
        put(f, i % 3 == 0 ? "@amy" : from, i % 3 == 0 ? from : "@amy", text);
    }
    assert_true(occurrences_in_files(f->url, "secretword") >= MANY_TEXTS / 3);
    assert_int_equal(erase(f, "@amy", true), MANY_TEXTS / 3);
    assert_int_equal(message_store_purge(f->store), STATUS_OK);
    assert_int_equal(occurrences_in_files(f->url, "secretword"), 0);
    assert_true(occurrences_in_files(f->url, "otherword") >= MANY_TEXTS / 3);
    reopen(f);
    check_user(f, "@u0");
}

/* --- what is old --------------------------------------------------------------------------- */

static void put_at(struct fixture *f, const char *from, const char *to, const char *text,
                   int64_t now_ms)
{
    struct message_send send = letter(from, to, text);

    send.now_ms = now_ms;
    assert_int_equal(send_and_wait(f->store, &send), STATUS_OK);
}

static uint64_t expire(struct fixture *f, int64_t before_ms)
{
    struct message_expiry expiry = { .before_ms = before_ms };

    while (!expiry.is_over)
        assert_int_equal(message_store_expire(f->store, &expiry), STATUS_OK);
    return expiry.erased;
}

static void texts_from_before_a_time_are_erased(void **state)
{
    struct fixture *f = *state;

    put_at(f, "@amy", "@bob", "1", 1000);
    put_at(f, "@bob", "@amy", "2", 1999);
    put_at(f, "@bob", "@amy", "3", 2000);
    put_at(f, "@cid", "@dan", "4", 1500);
    put_at(f, "@cid", "@dan", "5", 3000);
    assert_int_equal(expire(f, 2000), 3);
    assert_texts(f, "amy", "bob", all_entries(), "3  ");
    assert_texts(f, "dan", "cid", all_entries(), "5 ");
    check_user(f, "@amy");
    check_user(f, "@dan");
    assert_int_equal(expire(f, 2000), 0);
    put_at(f, "@cid", "@dan", "6", 3000);
    assert_texts(f, "dan", "cid", all_entries(), "6 5 ");
}

static void many_old_texts_are_erased_in_parts(void **state)
{
    struct fixture *f = *state;
    char from[16];

    for (int i = 0; i < MANY_TEXTS; i++) {
        snprintf(from, sizeof(from), "@u%d", i % 17);
        put_at(f, from, "@amy", "text", i % 2 == 0 ? 1000 : 5000);
    }
    uint64_t erased = expire(f, 3000); /* a date never decreases within a conversation */
    assert_in_range(erased, 9, MANY_TEXTS / 2 + 1);
    assert_int_equal(expire(f, 6000), MANY_TEXTS - erased);
    assert_int_equal(expire(f, 6000), 0);
    check_user(f, "@u3");
}

/* --- usage --------------------------------------------------------------------------------- */

static int64_t add_usage(struct fixture *f, const char *key, int64_t bytes)
{
    struct message_usage usage[2] = { { .added = bytes }, { .key = "nobody" } };

    snprintf(usage[0].key, sizeof(usage[0].key), "%s", key);
    assert_int_equal(message_store_add_usage(f->store, usage, 2), STATUS_OK);
    assert_int_equal(usage[1].total, 0);
    return usage[0].total;
}

static void what_users_have_stored_is_counted_until_it_is_erased(void **state)
{
    struct fixture *f = *state;

    put_at(f, "@amy", "@bob", "five5", 1000);
    put_at(f, "@amy", "@bob", "\xC3\xBC", 1000); /* two bytes */
    put_at(f, "@bob", "@amy", "three", 3000);
    assert_int_equal(add_usage(f, "amy", 5), 5);
    assert_int_equal(add_usage(f, "amy", 2), 7);
    assert_int_equal(add_usage(f, "bob", 5), 5);
    reopen(f);
    assert_int_equal(add_usage(f, "amy", 0), 7);
    assert_int_equal(expire(f, 2000), 2);
    assert_int_equal(add_usage(f, "amy", 0), 0);
    assert_int_equal(add_usage(f, "bob", 0), 5);
    assert_int_equal(erase(f, "@bob", true), 1);
    assert_int_equal(add_usage(f, "bob", 0), 0);
    put_at(f, "@bob", "@amy", "not counted", 1000);
    assert_int_equal(erase(f, "@bob", true), 1);
    assert_int_equal(add_usage(f, "bob", 0), 0);
}

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            texts_of_one_are_gone_for_everybody_and_those_of_others_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_stay_where_only_decisions_are_erased, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_who_has_left_nothing_is_erased_at_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(names_that_begin_alike_are_distinct, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_texts_are_erased_in_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(decisions_are_gone_and_those_of_others_stay, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_withheld_stays_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(everybody_with_a_dialog_gets_a_number_of_the_end, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(texts_from_before_a_time_are_erased, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_old_texts_are_erased_in_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_users_have_stored_is_counted_until_it_is_erased,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_left_in_the_files_of_a_store, set_up, tear_down),
    };
    char group[64];
    snprintf(group, sizeof(group), "message_store erase %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
