/* services/message/store/message_store: what two accounts see that have had the same tag. */
#include "tests/unit/unit.h"

#include "services/common/base/log.h"
#include "tests/unit/message/store/message_store_changes.h"
#include "tests/unit/message/store/message_store_client.h"

#define ANNA "aaaaaaaaaaaaaaaaaaaaaaaa"
#define BEN "bbbbbbbbbbbbbbbbbbbbbbbb"
#define MONA "111111111111111111111111"
#define OTHER "222222222222222222222222"
#define THIRD "333333333333333333333333"

static struct message_user claim(struct fixture *f, const char *tag, const char *account_id)
{
    struct message_user user;
    assert_int_equal(message_store_claim(f->store, tag, account_id, &user), STATUS_OK);
    return user;
}

static struct message_send put_by(struct fixture *f, const struct message_user *sender,
                                  const struct message_user *receiver, const char *text,
                                  const char *client_id)
{
    struct message_send send = letter("@a", "@b", text);
    send.sender = *sender;
    send.receiver = *receiver;
    send.client_message_id = client_id;
    assert_int_equal(send_and_wait(f->store, &send), STATUS_OK);
    return send;
}

static void assert_seen(struct fixture *f, const struct message_user *owner, const char *texts)
{
    struct dialog_list list = dialogs(f, owner->key, 0, 100);
    char found[400] = "";
    for (size_t i = 0; i < list.count; i++)
        snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s", i > 0 ? " " : "",
                 list.items[i].last.text);
    assert_string_equal(found, texts);
    dialog_list_finish(&list);
}

static void assert_contact_count(struct fixture *f, const struct message_user *owner, size_t count)
{
    struct message_contacts contacts;
    assert_int_equal(message_store_contacts(f->store, owner->key, &contacts), STATUS_OK);
    assert_int_equal(contacts.count, count);
    message_contacts_finish(&contacts);
}

static void assert_message_count(struct fixture *f, const struct message_user *owner,
                                 const struct message_user *peer, size_t count)
{
    struct message_list list;
    assert_int_equal(message_store_messages(f->store, owner->key, peer->key,
                                            (struct message_range){ .start = 0, .end = 100 },
                                            &list),
                     STATUS_OK);
    assert_int_equal(list.count, count);
    message_list_finish(&list);
}

static uint64_t position_of_user(struct fixture *f, const struct message_user *user)
{
    char keys[1][ACCOUNT_NAME_SIZE];
    uint64_t position = 0;
    memcpy(keys[0], user->key, sizeof(keys[0]));
    assert_int_equal(
        message_store_positions(f->store, (const char(*)[ACCOUNT_NAME_SIZE])keys, 1, &position),
        STATUS_OK);
    return position;
}

static struct change_list changes_of(struct fixture *f, const struct message_user *owner,
                                     uint64_t since)
{
    struct change_list list;
    assert_int_equal(message_store_changes(f->store, owner->key,
                                           (struct change_range){ since, 100, true }, &list),
                     STATUS_OK);
    return list;
}

/* --- names --------------------------------------------------------------------------------- */

static void the_first_account_has_its_tag_as_name(void **state)
{
    struct fixture *f = *state;
    struct message_user mona = claim(f, "@Mona", MONA);
    assert_string_equal(mona.tag, "@Mona");
    assert_string_equal(mona.key, "mona");
    mona = claim(f, "@MONA", MONA); /* and again, without regard to case */
    assert_string_equal(mona.key, "mona");
    reopen(f);
    assert_string_equal(claim(f, "@Mona", MONA).key, "mona");
}

static void every_later_account_has_its_own_name(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(claim(f, "@Mona", MONA).key, "mona");
    assert_string_equal(claim(f, "@mona", OTHER).key, "mona:" OTHER);
    assert_string_equal(claim(f, "@Mona", THIRD).key, "mona:" THIRD);
    assert_string_equal(claim(f, "@Mona", MONA).key, "mona");
    reopen(f);
    assert_string_equal(claim(f, "@Mona", OTHER).tag, "@Mona:" OTHER);
    assert_string_equal(claim(f, "@mon", OTHER).key, "mon");
    assert_string_equal(claim(f, "@mona1", OTHER).key, "mona1");
}

static void what_is_no_account_is_refused(void **state)
{
    struct fixture *f = *state;
    struct message_user user;
    static const char *const pairs[][2] = { { "mona", MONA }, { "@mona:" MONA, MONA },
                                            { "@mona", "" },  { "@mona", MONA "1" },
                                            { "", MONA },     { "@mona", "x" } };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        assert_int_equal(message_store_claim(f->store, pairs[i][0], pairs[i][1], &user),
                         STATUS_INVALID_ARGUMENT);
}

static void dialogs_without_an_account_belong_to_the_first_that_claims_the_tag(void **state)
{
    struct fixture *f = *state;
    put(f, "@Mona", "@ben", "old");
    struct message_user mona = claim(f, "@Mona", MONA), ben = claim(f, "@ben", BEN);
    assert_seen(f, &mona, "old");
    assert_seen(f, &ben, "old");
    struct message_user other = claim(f, "@Mona", OTHER);
    assert_seen(f, &other, "");
}

/* --- what is seen -------------------------------------------------------------------------- */

static void a_later_account_sees_nothing_of_the_first_one(void **state)
{
    struct fixture *f = *state;
    struct message_user mona = claim(f, "@mona", MONA), ben = claim(f, "@ben", BEN);
    put_by(f, &ben, &mona, "to the first", "");
    put_by(f, &mona, &ben, "from the first", "c-1");
    struct message_user other = claim(f, "@mona", OTHER);
    assert_seen(f, &other, "");
    assert_contact_count(f, &other, 0);
    assert_message_count(f, &other, &ben, 0);
    assert_int_equal(position_of_user(f, &other), 0);
    struct change_list list = changes_of(f, &other, 0);
    assert_int_equal(list.count, 0);
    change_list_finish(&list);
    /* Its own ids of messages, and a conversation of its own. */
    struct message_send send = put_by(f, &other, &ben, "from the other", "c-1");
    assert_false(send.repeated);
    assert_int_equal(send.seq, 1);
    assert_message_count(f, &ben, &other, 1);
    assert_message_count(f, &ben, &mona, 2);
}

static void a_peer_sees_the_account_that_has_the_tag(void **state)
{
    struct fixture *f = *state;
    struct message_user mona = claim(f, "@mona", MONA), ben = claim(f, "@ben", BEN);
    struct message_user anna = claim(f, "@anna", ANNA);
    put_by(f, &ben, &mona, "to the first", "");
    put_by(f, &ben, &anna, "to anna", "");
    uint64_t before = position_of_user(f, &ben);
    put_by(f, &mona, &ben, "from the first", "");
    struct dialog_list list = dialogs(f, "ben", 0, 1);
    struct id first = list.items[0].conversation;
    dialog_list_finish(&list);

    struct message_user other = claim(f, "@mona", OTHER);
    assert_seen(f, &ben, "to anna");
    assert_contact_count(f, &ben, 1);
    struct change_list changes = changes_of(f, &ben, before);
    assert_false(changes.reset);
    assert_int_equal(changes.count, 0);
    assert_int_equal(changes.dialogs.count, 0);
    assert_int_equal(changes.position, position_of_user(f, &ben));
    change_list_finish(&changes);

    put_by(f, &other, &ben, "from the other", "");
    assert_seen(f, &ben, "from the other to anna");
    assert_contact_count(f, &ben, 2);
    list = dialogs(f, "ben", 0, 1);
    assert_memory_not_equal(&list.items[0].conversation, &first, sizeof(first));
    dialog_list_finish(&list);

    claim(f, "@mona", MONA); /* the first one is back */
    assert_seen(f, &ben, "from the first to anna");
    assert_contact_count(f, &ben, 2);
}

static void a_profile_is_not_told_to_the_contacts_of_a_former_account(void **state)
{
    struct fixture *f = *state;
    struct message_user mona = claim(f, "@mona", MONA), ben = claim(f, "@ben", BEN);
    put_by(f, &ben, &mona, "to the first", "");
    struct message_user other = claim(f, "@mona", OTHER);
    struct message_profile profile = { .user = other, .revision = 1 };
    assert_int_equal(message_store_note_profile(f->store, &profile), STATUS_OK);
    assert_int_equal(profile.notified_count, 1);
    assert_string_equal(profile.notified[0].key, other.key);
    free(profile.notified);
    profile = (struct message_profile){ .user = ben, .revision = 1 };
    assert_int_equal(message_store_note_profile(f->store, &profile), STATUS_OK);
    assert_int_equal(profile.notified_count, 1);
    free(profile.notified);
}

static void a_mark_is_of_one_account_only(void **state)
{
    struct fixture *f = *state;
    struct message_user mona = claim(f, "@mona", MONA), ben = claim(f, "@ben", BEN);
    put_by(f, &ben, &mona, "to the first", "");
    struct message_user other = claim(f, "@mona", OTHER);
    put_by(f, &ben, &other, "to the other", "");
    struct dialog_list list = dialogs(f, other.key, 0, 1);
    assert_int_equal(list.items[0].unread_incoming, 1);
    dialog_list_finish(&list);
    mark_read(f, other.tag, "@ben");
    list = dialogs(f, other.key, 0, 1);
    assert_int_equal(list.items[0].unread_incoming, 0);
    dialog_list_finish(&list);
    claim(f, "@mona", MONA);
    list = dialogs(f, "ben", 0, 1);
    assert_int_equal(list.items[0].unread_outgoing, 1);
    dialog_list_finish(&list);
}

static void a_copy_has_the_same_accounts(void **state)
{
    struct fixture *f = *state;
    struct message_user mona = claim(f, "@mona", MONA), ben = claim(f, "@ben", BEN);
    struct message_user other = claim(f, "@mona", OTHER);
    put_by(f, &ben, &mona, "to the first", "");
    put_by(f, &ben, &other, "to the other", "");
    struct fixture copy = { .store = NULL };
    struct dialog_record_list records;
    store_url_new(copy.url);
    assert_int_equal(message_store_open(copy.url, &copy.store), STATUS_OK);
    assert_int_equal(message_store_records(f->store, "", "", 100, &records), STATUS_OK);
    assert_int_equal(records.count, 4);
    for (size_t i = 0; i < records.count; i++) {
        struct message_list list;
        assert_int_equal(message_store_messages(f->store, records.items[i].owner.key,
                                                records.items[i].peer.key,
                                                (struct message_range){ .end = 100 }, &list),
                         STATUS_OK);
        assert_int_equal(message_store_import(copy.store, &list), STATUS_OK);
        message_list_finish(&list);
    }
    assert_int_equal(message_store_import_dialogs(copy.store, records.items, records.count),
                     STATUS_OK);
    free(records.items);
    assert_seen(&copy, &ben, "to the other");
    assert_string_equal(claim(&copy, "@mona", THIRD).key, "mona:" THIRD);
    assert_string_equal(claim(&copy, "@mona", OTHER).key, "mona:" OTHER);
    assert_seen(&copy, &other, "to the other");
    assert_seen(&copy, &ben, "to the other");
    message_store_close(&copy.store);
}

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_account_has_its_tag_as_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_later_account_has_its_own_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_account_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            dialogs_without_an_account_belong_to_the_first_that_claims_the_tag, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_later_account_sees_nothing_of_the_first_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_peer_sees_the_account_that_has_the_tag, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_profile_is_not_told_to_the_contacts_of_a_former_account,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_has_the_same_accounts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mark_is_of_one_account_only, set_up, tear_down),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
