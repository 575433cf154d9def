/* services/user/store/user_store: the end of an account, and pictures that nobody shows. */
#include "tests/unit/unit.h"

#include <string.h>

#include "services/common/base/log.h"
#include "tests/unit/user/store/user_store_fixture.h"

static const int64_t now_ms = 1700000000000;

static struct user find(struct fixture *f, const char *tag)
{
    struct user_list list;
    struct user user;
    char key[TAG_SIZE];

    assert_true(tag_to_key(tag, key));
    assert_int_equal(user_store_page(f->store, "", 1000, &list), STATUS_OK);
    for (size_t i = 0; i < list.count; i++)
        if (strcmp(list.items[i].tag, tag) == 0)
            user = list.items[i];
    free(list.items);
    assert_string_equal(user.tag, tag);
    return user;
}

static size_t count_by_key(struct fixture *f, const char *key)
{
    const char *keys[] = { key };
    struct user_list list;

    assert_int_equal(user_store_by_keys(f->store, keys, 1, &list), STATUS_OK);
    free(list.items);
    return list.count;
}

static size_t count_found(struct fixture *f, const char *part)
{
    struct user_list list;

    assert_int_equal(user_store_find(f->store, part, "", 100, &list), STATUS_OK);
    free(list.items);
    return list.count;
}

static void delete_user(struct fixture *f, const struct user *before, enum status expected)
{
    struct user_deletion deletion = { .before = before, .now_ms = now_ms };

    assert_int_equal(user_store_delete(f->store, &deletion), expected);
}

/* --- the account --------------------------------------------------------------------------- */

static void of_a_deleted_account_id_and_tag_are_left(void **state)
{
    struct fixture *f = *state;
    struct user found;

    add(f, "@Anna");
    add(f, "@joanna");
    const struct user before = find(f, "@Anna");
    delete_user(f, &before, STATUS_OK);
    for (int again = 0; again < 2; again++) {
        const struct user after = find(f, "@Anna");
        assert_memory_equal(after.id.bytes, before.id.bytes, ID_BYTES);
        assert_string_equal(after.email, "");
        assert_null(strstr(after.email_key, "anna"));
        assert_string_equal(after.first_name, "");
        assert_string_equal(after.last_name, "");
        assert_string_equal(after.img, "");
        assert_string_equal(after.password_hash, "");
        assert_string_equal(after.origin, "");
        assert_true(after.disabled);
        assert_int_equal(after.deleted_ms, now_ms);
        assert_int_equal(after.unannounced, USER_DELETED);
        assert_int_equal(after.session_epoch, before.session_epoch + 1);
        assert_true(after.revision > before.revision);
        assert_int_equal(user_store_by_email(f->store, "anna@example.com", &found),
                         STATUS_NOT_FOUND);
        assert_int_equal(count_by_key(f, "anna"), 0);
        assert_int_equal(count_by_key(f, "joanna"), 1);
        assert_int_equal(count_found(f, "ann"), 1);
        assert_int_equal(count_found(f, "an"), 1);
        assert_int_equal(count_found(f, "a"), 1);
        reopen(f);
    }
}

static void the_tag_stays_taken_and_the_address_does_not(void **state)
{
    struct fixture *f = *state;
    struct user again = make_user("@anna", "other@example.com");
    struct user other = make_user("@other", "anna@example.com");

    add(f, "@Anna");
    add(f, "@bob");
    const struct user anna = find(f, "@Anna"), bob = find(f, "@bob");
    delete_user(f, &anna, STATUS_OK);
    delete_user(f, &bob, STATUS_OK);
    assert_int_equal(user_store_add(f->store, &again), STATUS_ALREADY_EXISTS);
    assert_int_equal(user_store_add(f->store, &other), STATUS_OK);
}

static void an_account_that_has_changed_is_not_deleted(void **state)
{
    struct fixture *f = *state;

    add(f, "@anna");
    const struct user before = find(f, "@anna");
    struct user other = before;
    other.id = id_new();
    delete_user(f, &other, STATUS_CONFLICT);
    struct user_credentials change = { .before = &before,
                                       .ends_sessions = true,
                                       .kept_session = "" };
    assert_int_equal(user_store_set_credentials(f->store, &change), STATUS_OK);
    delete_user(f, &before, STATUS_CONFLICT);
    const struct user ended = find(f, "@anna");
    change = (struct user_credentials){ .before = &ended, .password_hash = "another" };
    assert_int_equal(user_store_set_credentials(f->store, &change), STATUS_OK);
    delete_user(f, &ended, STATUS_CONFLICT);
    assert_int_equal(count_by_key(f, "anna"), 1);
}

static void a_deleted_account_cannot_be_changed_any_more(void **state)
{
    struct fixture *f = *state;
    struct user_update update = {
        .first_name = "X", .last_name = "Y", .img = "z.jpg", .changed = 7, .origin = ""
    };

    add(f, "@anna");
    const struct user before = find(f, "@anna");
    delete_user(f, &before, STATUS_OK);
    const struct user after = find(f, "@anna");
    assert_int_equal(user_store_update(f->store, "anna", &update), STATUS_NOT_FOUND);
    struct user_credentials change = { .before = &before, .password_hash = "another" };
    assert_int_equal(user_store_set_credentials(f->store, &change), STATUS_CONFLICT);
    delete_user(f, &before, STATUS_CONFLICT);
    delete_user(f, &after, STATUS_CONFLICT);
    assert_string_equal(find(f, "@anna").first_name, "");
    assert_string_equal(find(f, "@anna").password_hash, "");
}

static void what_a_departure_has_to_announce_is_kept(void **state)
{
    struct fixture *f = *state;
    struct user_list list;

    add(f, "@anna");
    add(f, "@bob");
    const struct user before = find(f, "@anna");
    delete_user(f, &before, STATUS_OK);
    assert_int_equal(user_store_unannounced(f->store, "", 10, &list), STATUS_OK);
    assert_int_equal(list.count, 1);
    const struct user anna = list.items[0];
    free(list.items);
    assert_int_equal(user_store_set_departure(f->store, "anna", anna.revision - 1, 0), STATUS_OK);
    assert_int_equal(find(f, "@anna").unannounced, USER_DELETED);
    assert_int_equal(user_store_set_departure(f->store, "anna", anna.revision, USER_DELETED_LATE),
                     STATUS_OK);
    assert_int_equal(find(f, "@anna").unannounced, USER_DELETED_LATE);
    assert_int_equal(user_store_set_departure(f->store, "anna", anna.revision, 0), STATUS_OK);
    assert_int_equal(user_store_unannounced(f->store, "", 10, &list), STATUS_OK);
    assert_int_equal(list.count, 0);
    free(list.items);
    assert_int_equal(user_store_set_departure(f->store, "bob", find(f, "@bob").revision, 8),
                     STATUS_OK);
    assert_int_equal(find(f, "@bob").unannounced, 0);
}

static void a_copy_of_a_deleted_account_is_deleted(void **state)
{
    struct fixture *f = *state;

    add(f, "@anna");
    add(f, "@joanna");
    const struct user before = find(f, "@anna");
    struct user deleted = before;
    deleted.deleted_ms = now_ms;
    deleted.disabled = true;
    *deleted.email = *deleted.first_name = '\0';
    snprintf(deleted.email_key, sizeof(deleted.email_key), "deleted:1");
    assert_int_equal(user_store_import_profile(f->store, "anna", &deleted), STATUS_OK);
    assert_int_equal(count_by_key(f, "anna"), 0);
    assert_int_equal(count_found(f, "ann"), 1);
    assert_string_equal(find(f, "@anna").email, "");
    deleted.id = id_new();
    snprintf(deleted.tag, sizeof(deleted.tag), "@hanna");
    snprintf(deleted.email_key, sizeof(deleted.email_key), "deleted:2");
    assert_int_equal(user_store_add(f->store, &deleted), STATUS_OK);
    assert_int_equal(count_by_key(f, "hanna"), 0);
    assert_int_equal(count_found(f, "anna"), 1);
    assert_int_equal(find(f, "@hanna").deleted_ms, now_ms);
}

/* --- what refers to it --------------------------------------------------------------------- */

static void add_traces(struct fixture *f, const struct user *user, const char *prefix)
{
    struct user_session session = { .account = user->id, .expires_at_s = INT64_MAX / 2 };
    snprintf(session.id, sizeof(session.id), "%s-session", prefix);
    assert_int_equal(user_store_add_session(f->store, &session, 0), STATUS_OK);
    static const enum user_code_kind kinds[] = { USER_CODE_INVITE, USER_CODE_INVITE,
                                                 USER_CODE_RESET, USER_CODE_MAILED_RESET };
    for (int i = 0; i < 4; i++) {
        struct user_code code = { .key = id_new(),
                                  .kind = kinds[i],
                                  .account = user->id,
                                  .used_ms = i == 1 || i == 3 ? now_ms : 0,
                                  .expires_at_s = INT64_MAX / 2 };
        assert_int_equal(user_store_add_code(f->store, &code, 0), STATUS_OK);
    }
    assert_int_equal(user_store_put_login(f->store, &user->id, "192.0.2.1", now_ms), STATUS_OK);
}

static size_t count_codes(struct fixture *f, const struct user *user, enum user_code_kind kind)
{
    struct user_code_list list;

    assert_int_equal(user_store_codes(f->store, kind, &user->id, 100, &list), STATUS_OK);
    free(list.items);
    return list.count;
}

static size_t count_sessions(struct fixture *f, const struct user *user)
{
    struct user_session_list list;

    assert_int_equal(user_store_sessions(f->store, &user->id, 100, &list), STATUS_OK);
    free(list.items);
    return list.count;
}

static void what_refers_to_an_account_is_forgotten_and_that_of_others_stays(void **state)
{
    struct fixture *f = *state;
    struct user anna = user_of("@anna"), bob = user_of("@bob");
    int64_t at_ms;

    add_traces(f, &anna, "anna");
    add_traces(f, &bob, "bob");
    for (int again = 0; again < 2; again++) {
        assert_int_equal(user_store_forget(f->store, &anna.id), STATUS_OK);
        assert_int_equal(count_sessions(f, &anna), 0);
        assert_int_equal(count_codes(f, &anna, USER_CODE_INVITE), 1); /* the one that was used */
        assert_int_equal(count_codes(f, &anna, USER_CODE_RESET), 0);
        assert_int_equal(count_codes(f, &anna, USER_CODE_MAILED_RESET), 0);
        assert_int_equal(user_store_get_login(f->store, &anna.id, "192.0.2.1", &at_ms),
                         STATUS_NOT_FOUND);
        assert_int_equal(count_sessions(f, &bob), 1);
        assert_int_equal(count_codes(f, &bob, USER_CODE_INVITE), 2);
        assert_int_equal(count_codes(f, &bob, USER_CODE_RESET), 1);
        assert_int_equal(count_codes(f, &bob, USER_CODE_MAILED_RESET), 1);
        assert_int_equal(user_store_get_login(f->store, &bob.id, "192.0.2.1", &at_ms), STATUS_OK);
    }
}

/* --- pictures ------------------------------------------------------------------------------ */

static void put_image(struct fixture *f, const char *name, int64_t stored_ms)
{
    struct user_image image = { name, "image/png", "data", 4, stored_ms };

    assert_int_equal(user_store_put_image(f->store, &image), STATUS_OK);
}

static bool has_image(struct fixture *f, const char *name)
{
    bool has;

    assert_int_equal(user_store_has_image(f->store, name, &has), STATUS_OK);
    return has;
}

/* In the order of their names. */
static void assert_unused(struct fixture *f, int64_t before_ms, const char *expected)
{
    struct user_image_names names;
    char text[256] = "";

    assert_int_equal(user_store_unused_images(f->store, before_ms, 100, &names), STATUS_OK);
    for (char at = 'a'; at <= 'z'; at++)
        for (size_t i = 0; i < names.count; i++)
            if (names.items[i].name[0] == at)
                snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ",
                         names.items[i].name);
    assert_string_equal(text, expected);
    free(names.items);
}

static void pictures_that_nobody_shows_are_found_and_dropped(void **state)
{
    struct fixture *f = *state;
    struct user_update update = {
        .first_name = "A", .last_name = "B", .img = "b.png", .changed = 4, .origin = ""
    };
    struct user_image_names names;

    add(f, "@anna");
    assert_int_equal(user_store_update(f->store, "anna", &update), STATUS_OK);
    put_image(f, "a.png", now_ms);
    put_image(f, "b.png", now_ms);
    put_image(f, "c.png", now_ms + 10);
    put_image(f, "d.png", 0); /* of an older version */
    assert_unused(f, now_ms + 1, "a.png d.png ");
    assert_unused(f, now_ms + 11, "a.png c.png d.png ");
    assert_unused(f, 1, "d.png ");
    assert_int_equal(user_store_unused_images(f->store, now_ms + 11, 2, &names), STATUS_OK);
    assert_int_equal(names.count, 2);
    free(names.items);
    assert_int_equal(user_store_drop_image(f->store, "a.png"), STATUS_OK);
    assert_int_equal(user_store_drop_image(f->store, "b.png"), STATUS_OK);
    assert_int_equal(user_store_drop_image(f->store, "none.png"), STATUS_OK);
    assert_false(has_image(f, "a.png"));
    assert_true(has_image(f, "b.png")); /* it is shown */
    assert_true(has_image(f, "c.png"));
    const struct user anna = find(f, "@anna");
    delete_user(f, &anna, STATUS_OK);
    assert_unused(f, now_ms + 1, "b.png d.png ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(of_a_deleted_account_id_and_tag_are_left),
        TEST(the_tag_stays_taken_and_the_address_does_not),
        TEST(an_account_that_has_changed_is_not_deleted),
        TEST(a_deleted_account_cannot_be_changed_any_more),
        TEST(what_a_departure_has_to_announce_is_kept),
        TEST(a_copy_of_a_deleted_account_is_deleted),
        TEST(what_refers_to_an_account_is_forgotten_and_that_of_others_stays),
        TEST(pictures_that_nobody_shows_are_found_and_dropped),
    };
    char group[64];
    snprintf(group, sizeof(group), "user_store departure %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
