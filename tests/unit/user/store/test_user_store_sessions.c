/* services/user/store/user_store: sessions, and the end of all but one. */
#include "tests/unit/unit.h"

#include <string.h>

#include "services/common/base/log.h"
#include "tests/unit/user/store/user_store_fixture.h"

static const int64_t start_ms = 1700000000000;

static struct user_session session_of(const struct user *user, const char *id, int64_t seen_ms)
{
    struct user_session session = {
        .account = user->id,
        .epoch = 3,
        .device = "Firefox \xC3\xBC",
        .address = "192.0.2.7",
        .created_ms = start_ms,
        .seen_ms = seen_ms,
        .expires_at_s = start_ms / 1000 + 1000,
    };
    snprintf(session.id, sizeof(session.id), "%s", id);
    return session;
}

static void add_session(struct fixture *f, const struct user_session *session)
{
    assert_int_equal(user_store_add_session(f->store, session, 0), STATUS_OK);
}

static void assert_same(const struct user_session *one, const struct user_session *other)
{
    assert_string_equal(one->id, other->id);
    assert_memory_equal(one->account.bytes, other->account.bytes, ID_BYTES);
    assert_int_equal(one->epoch, other->epoch);
    assert_string_equal(one->device, other->device);
    assert_string_equal(one->address, other->address);
    assert_int_equal(one->created_ms, other->created_ms);
    assert_int_equal(one->seen_ms, other->seen_ms);
    assert_int_equal(one->expires_at_s, other->expires_at_s);
}

static void a_session_is_kept_as_it_was_added(void **state)
{
    struct fixture *f = *state;
    struct user anna = user_of("@anna");
    struct user_session session = session_of(&anna, "0123456789abcdef0123456789abcdef", start_ms);
    struct user_session found;
    assert_int_equal(user_store_get_session(f->store, session.id, &found), STATUS_NOT_FOUND);
    add_session(f, &session);
    assert_int_equal(user_store_add_session(f->store, &session, 0), STATUS_ALREADY_EXISTS);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(user_store_get_session(f->store, session.id, &found), STATUS_OK);
        assert_same(&found, &session);
        assert_int_equal(user_store_get_session(f->store, "0", &found), STATUS_NOT_FOUND);
        reopen(f);
    }
}

static void the_sessions_of_an_account_are_listed_the_last_seen_first(void **state)
{
    struct fixture *f = *state;
    struct user anna = user_of("@anna"), ben = user_of("@ben");
    struct user_session sessions[] = { session_of(&anna, "c", start_ms + 1),
                                       session_of(&anna, "a", start_ms + 3),
                                       session_of(&ben, "b", start_ms + 9),
                                       session_of(&anna, "d", start_ms + 1) };
    const char *const order[] = { "a", "c", "d" };
    struct user_session_list list;
    for (size_t i = 0; i < 4; i++)
        add_session(f, &sessions[i]);
    for (size_t max = 1; max <= 5; max++) {
        assert_int_equal(user_store_sessions(f->store, &anna.id, max, &list), STATUS_OK);
        assert_int_equal(list.count, max < 3 ? max : 3);
        for (size_t i = 0; i < list.count; i++)
            assert_string_equal(list.items[i].id, order[i]);
        free(list.items);
    }
}

static void a_page_has_the_sessions_that_follow_an_id(void **state)
{
    struct fixture *f = *state;
    struct user anna = user_of("@anna");
    const char *const ids[] = { "d", "a", "c", "b" };
    struct user_session_list list;
    for (size_t i = 0; i < 4; i++) {
        struct user_session session = session_of(&anna, ids[i], start_ms);
        add_session(f, &session);
    }
    assert_int_equal(user_store_session_page(f->store, "", 3, &list), STATUS_OK);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[0].id, "a");
    assert_string_equal(list.items[2].id, "c");
    free(list.items);
    assert_int_equal(user_store_session_page(f->store, "c", 3, &list), STATUS_OK);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].id, "d");
    free(list.items);
}

static void times_of_a_session_only_rise(void **state)
{
    struct fixture *f = *state;
    struct user anna = user_of("@anna");
    struct user_session session = session_of(&anna, "a", start_ms), found;
    add_session(f, &session);
    assert_int_equal(user_store_touch_session(f->store, "a", start_ms + 5, 1, "2001:db8::1"),
                     STATUS_OK);
    assert_int_equal(user_store_get_session(f->store, "a", &found), STATUS_OK);
    assert_int_equal(found.seen_ms, start_ms + 5);
    assert_int_equal(found.expires_at_s, session.expires_at_s);
    assert_string_equal(found.address, "2001:db8::1");
    assert_int_equal(
        user_store_touch_session(f->store, "a", start_ms, session.expires_at_s + 7, ""), STATUS_OK);
    assert_int_equal(user_store_get_session(f->store, "a", &found), STATUS_OK);
    assert_int_equal(found.seen_ms, start_ms + 5);
    assert_int_equal(found.expires_at_s, session.expires_at_s + 7);
    assert_string_equal(found.address, "2001:db8::1");
    assert_int_equal(user_store_touch_session(f->store, "nobody", start_ms, 1, ""), STATUS_OK);
    assert_int_equal(user_store_get_session(f->store, "nobody", &found), STATUS_NOT_FOUND);
}

static void expired_and_deleted_sessions_are_gone(void **state)
{
    struct fixture *f = *state;
    struct user anna = user_of("@anna");
    struct user_session old = session_of(&anna, "old", start_ms), found;
    struct user_session new = session_of(&anna, "new", start_ms);
    new.expires_at_s = old.expires_at_s + 1;
    add_session(f, &old);
    assert_int_equal(user_store_add_session(f->store, &new, old.expires_at_s), STATUS_OK);
    assert_int_equal(user_store_get_session(f->store, "old", &found), STATUS_NOT_FOUND);
    assert_int_equal(user_store_get_session(f->store, "new", &found), STATUS_OK);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(user_store_delete_session(f->store, "new"), STATUS_OK);
        assert_int_equal(user_store_get_session(f->store, "new", &found), STATUS_NOT_FOUND);
    }
}

static struct user read_user(struct fixture *f, const char *key)
{
    struct user_list list;
    assert_int_equal(user_store_by_keys(f->store, &key, 1, &list), STATUS_OK);
    assert_int_equal(list.count, 1);
    struct user user = list.items[0];
    free(list.items);
    return user;
}

static void a_new_password_ends_sessions_with_the_same_write(void **state)
{
    struct fixture *f = *state;
    add(f, "@anna");
    struct user before = read_user(f, "anna"), after;
    struct user_credentials change = { &before, "hash 2", true, "kept", false };
    assert_int_equal(before.session_epoch, 0);
    assert_string_equal(before.kept_session, "");
    assert_int_equal(user_store_set_credentials(f->store, &change), STATUS_OK);
    reopen(f);
    after = read_user(f, "anna");
    assert_string_equal(after.password_hash, "hash 2");
    assert_int_equal(after.session_epoch, 1);
    assert_string_equal(after.kept_session, "kept");
    assert_int_equal(after.revision, before.revision);

    change = (struct user_credentials){ &after, NULL, true, "", true };
    assert_int_equal(user_store_set_credentials(f->store, &change), STATUS_OK);
    after = read_user(f, "anna");
    assert_string_equal(after.password_hash, "hash 2");
    assert_int_equal(after.session_epoch, 2);
    assert_string_equal(after.kept_session, "");
    assert_true(after.disabled);

    change = (struct user_credentials){ &after, "hash 3", false, NULL, false };
    assert_int_equal(user_store_set_credentials(f->store, &change), STATUS_OK);
    assert_int_equal(read_user(f, "anna").session_epoch, 2);
    assert_false(read_user(f, "anna").disabled);
}

static void credentials_that_have_changed_since_they_were_read_are_left(void **state)
{
    struct fixture *f = *state;
    add(f, "@anna");
    struct user before = read_user(f, "anna"), other = user_of("@anna");
    struct user_credentials first = { &before, "hash 2", false, NULL, false };
    struct user_credentials second = { &before, "hash 3", true, "kept", false };
    struct user_credentials foreign = { &other, "hash 4", true, "kept", false };
    assert_int_equal(user_store_set_credentials(f->store, &foreign), STATUS_CONFLICT);
    assert_int_equal(user_store_set_credentials(f->store, &first), STATUS_OK);
    assert_int_equal(user_store_set_credentials(f->store, &second), STATUS_CONFLICT);
    before = read_user(f, "anna");
    assert_string_equal(before.password_hash, "hash 2");
    assert_int_equal(before.session_epoch, 0);
    struct user_credentials ends = { &before, NULL, true, "kept", false };
    assert_int_equal(user_store_set_credentials(f->store, &ends), STATUS_OK);
    assert_int_equal(user_store_set_credentials(f->store, &ends), STATUS_CONFLICT);
    assert_int_equal(read_user(f, "anna").session_epoch, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_is_kept_as_it_was_added),
        TEST(the_sessions_of_an_account_are_listed_the_last_seen_first),
        TEST(a_page_has_the_sessions_that_follow_an_id),
        TEST(times_of_a_session_only_rise),
        TEST(expired_and_deleted_sessions_are_gone),
        TEST(a_new_password_ends_sessions_with_the_same_write),
        TEST(credentials_that_have_changed_since_they_were_read_are_left),
    };
    char group[64];
    snprintf(group, sizeof(group), "user_store_sessions %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
