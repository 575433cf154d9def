/* services/user/store/user_store: sign-ups that wait for a proof. */
#include "tests/unit/unit.h"

#include <string.h>

#include "services/common/base/log.h"
#include "tests/unit/user/store/user_store_fixture.h"

static const int64_t now_s = 1700000000;

static struct user_pending pending_of(const char *secret, const char *tag, int64_t expires_at_s)
{
    return (struct user_pending){
        .key = id_from_parts("test", secret),
        .user = user_of(tag),
        .invite = id_from_parts("invite", secret),
        .expires_at_s = expires_at_s,
    };
}

static void add_pending(struct fixture *f, const struct user_pending *pending, int64_t at_s)
{
    assert_int_equal(user_store_add_pending(f->store, pending, at_s), STATUS_OK);
}

static enum status get(struct fixture *f, const struct user_pending *pending,
                       struct user_pending *found)
{
    return user_store_get_pending(f->store, &pending->key, found);
}

static void a_sign_up_is_kept_as_it_was_added(void **state)
{
    struct fixture *f = *state;
    struct user_pending added = pending_of("a", "@Anna", now_s + 1), found;
    snprintf(added.user.first_name, sizeof(added.user.first_name), "J\xC3\xB6rg");
    assert_int_equal(get(f, &added, &found), STATUS_NOT_FOUND);
    add_pending(f, &added, now_s);
    reopen(f);
    assert_int_equal(get(f, &added, &found), STATUS_OK);
    assert_memory_equal(found.key.bytes, added.key.bytes, ID_BYTES);
    assert_memory_equal(found.invite.bytes, added.invite.bytes, ID_BYTES);
    assert_int_equal(found.expires_at_s, added.expires_at_s);
    assert_string_equal(found.user.tag, added.user.tag);
    assert_string_equal(found.user.email, added.user.email);
    assert_string_equal(found.user.email_key, added.user.email_key);
    assert_string_equal(found.user.first_name, added.user.first_name);
    assert_string_equal(found.user.last_name, added.user.last_name);
    assert_string_equal(found.user.img, added.user.img);
    assert_string_equal(found.user.password_hash, added.user.password_hash);
    assert_int_equal(found.user.session_epoch, 0);
    assert_false(found.user.disabled);
}

static void it_takes_neither_tag_nor_address(void **state)
{
    struct fixture *f = *state;
    struct user_pending one = pending_of("a", "@anna", now_s + 1),
                        other = pending_of("b", "@anna", now_s + 1), found;
    struct user user = user_of("@anna");
    add_pending(f, &one, now_s);
    add_pending(f, &other, now_s);
    assert_int_equal(user_store_add(f->store, &user), STATUS_OK);
    assert_int_equal(get(f, &one, &found), STATUS_OK);
    assert_int_equal(get(f, &other, &found), STATUS_OK);
    struct user_store_counts counts;
    assert_int_equal(user_store_count(f->store, &counts), STATUS_OK);
    assert_int_equal(counts.users, 1);
}

static void it_is_deleted_alone(void **state)
{
    struct fixture *f = *state;
    struct user_pending one = pending_of("a", "@anna", now_s + 1),
                        other = pending_of("b", "@bob", now_s + 1), found;
    add_pending(f, &one, now_s);
    add_pending(f, &other, now_s);
    for (int i = 0; i < 2; i++)
        assert_int_equal(user_store_delete_pending(f->store, &one.key), STATUS_OK);
    assert_int_equal(get(f, &one, &found), STATUS_NOT_FOUND);
    assert_int_equal(get(f, &other, &found), STATUS_OK);
}

static void those_that_have_expired_are_deleted(void **state)
{
    struct fixture *f = *state;
    struct user_pending over = pending_of("a", "@anna", now_s),
                        left = pending_of("b", "@bob", now_s + 1),
                        added = pending_of("c", "@carl", now_s + 1), found;
    add_pending(f, &over, 0);
    add_pending(f, &left, 0);
    assert_int_equal(get(f, &over, &found), STATUS_OK);
    add_pending(f, &added, now_s);
    assert_int_equal(get(f, &over, &found), STATUS_NOT_FOUND);
    assert_int_equal(get(f, &left, &found), STATUS_OK);
    assert_int_equal(get(f, &added, &found), STATUS_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sign_up_is_kept_as_it_was_added),
        TEST(it_takes_neither_tag_nor_address),
        TEST(it_is_deleted_alone),
        TEST(those_that_have_expired_are_deleted),
    };
    char group[64];
    snprintf(group, sizeof(group), "user_store_pending %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
