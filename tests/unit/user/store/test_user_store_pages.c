/* services/user/store/user_store: everything in a store can be listed, in pages. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/log.h"
#include "services/user/store/user_store.h"
#include "tests/unit/user/store/user_store_fixture.h"

enum { MANY = 1000 };

static void assert_page(struct fixture *f, const char *after_key, size_t max, const char *expected)
{
    struct user_list list;
    char tags[256] = "";
    assert_int_equal(user_store_page(f->store, after_key, max, &list), STATUS_OK);
    for (size_t i = 0; i < list.count; i++)
        snprintf(tags + strlen(tags), sizeof(tags) - strlen(tags), "%s%s", i > 0 ? " " : "",
                 list.items[i].tag);
    assert_string_equal(tags, expected);
    free(list.items);
}

/* Users */

static void users_come_in_pages_by_key(void **state)
{
    struct fixture *f = *state;
    add(f, "@bob");
    add(f, "@Ann_1");
    add(f, "@ann");
    add(f, "@B2");
    add(f, "@a");
    assert_page(f, "", MANY, "@a @ann @Ann_1 @B2 @bob");
    assert_page(f, "", 2, "@a @ann");
    assert_page(f, "ann", 2, "@Ann_1 @B2");
    assert_page(f, "b2", 2, "@bob");
    assert_page(f, "bob", 2, "");
}

static void a_missing_key_has_its_place_among_the_others(void **state)
{
    struct fixture *f = *state;
    add(f, "@ann");
    add(f, "@cid");
    assert_page(f, "b", MANY, "@cid");
    assert_page(f, "zoe", MANY, "");
}

static void an_empty_store_has_an_empty_page(void **state)
{
    struct fixture *f = *state;
    struct user_image_names names;
    struct revoked_list revoked;
    assert_page(f, "", MANY, "");
    assert_int_equal(user_store_image_page(f->store, "", MANY, &names), STATUS_OK);
    assert_int_equal(names.count, 0);
    free(names.items);
    assert_int_equal(user_store_revoked_page(f->store, "", MANY, &revoked), STATUS_OK);
    assert_int_equal(revoked.count, 0);
    free(revoked.items);
}

static void a_page_has_every_field_of_a_user(void **state)
{
    struct fixture *f = *state;
    struct user user = user_of("@Zoe_9");
    struct user_list list;
    assert_int_equal(user_store_add(f->store, &user), STATUS_OK);
    assert_int_equal(user_store_page(f->store, "", MANY, &list), STATUS_OK);
    assert_int_equal(list.count, 1);
    assert_memory_equal(list.items[0].id.bytes, user.id.bytes, ID_BYTES);
    assert_string_equal(list.items[0].first_name, user.first_name);
    assert_string_equal(list.items[0].last_name, user.last_name);
    assert_string_equal(list.items[0].img, user.img);
    assert_string_equal(list.items[0].email, user.email);
    assert_string_equal(list.items[0].email_key, user.email_key);
    assert_string_equal(list.items[0].password_hash, user.password_hash);
    free(list.items);
}

/* Images */

static void put_image(struct fixture *f, const char *name)
{
    struct user_image image = { name, "image/png", "data", 4, 0 };
    assert_int_equal(user_store_put_image(f->store, &image), STATUS_OK);
}

static void image_names_come_in_pages(void **state)
{
    struct fixture *f = *state;
    struct user_image_names names;
    put_image(f, "ff.jpg");
    put_image(f, "00.jpg");
    put_image(f, "a0.png");
    assert_int_equal(user_store_image_page(f->store, "", 2, &names), STATUS_OK);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.items[0].name, "00.jpg");
    assert_string_equal(names.items[1].name, "a0.png");
    free(names.items);
    assert_int_equal(user_store_image_page(f->store, "a0.png", 2, &names), STATUS_OK);
    assert_int_equal(names.count, 1);
    assert_string_equal(names.items[0].name, "ff.jpg");
    free(names.items);
}

/* Revoked tokens */

static void revoked_tokens_come_in_pages_with_their_ends(void **state)
{
    struct fixture *f = *state;
    struct revoked_list list;
    const char *const jtis[] = { "c", "a", "b" };
    for (size_t i = 0; i < COUNT_OF(jtis); i++)
        assert_int_equal(user_store_revoke(f->store, jtis[i], 1000 + jtis[i][0], 0), STATUS_OK);
    assert_int_equal(user_store_revoked_page(f->store, "", 2, &list), STATUS_OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].jti, "a");
    assert_int_equal(list.items[0].expires_at_s, 1000 + 'a');
    assert_string_equal(list.items[1].jti, "b");
    free(list.items);
    assert_int_equal(user_store_revoked_page(f->store, "b", 2, &list), STATUS_OK);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].expires_at_s, 1000 + 'c');
    free(list.items);
}

static void at_time_zero_no_token_is_forgotten(void **state)
{
    struct fixture *f = *state;
    bool revoked;
    assert_int_equal(user_store_revoke(f->store, "old", 1, 0), STATUS_OK);
    assert_int_equal(user_store_revoke(f->store, "new", 100, 0), STATUS_OK);
    assert_int_equal(user_store_is_revoked(f->store, "old", &revoked), STATUS_OK);
    assert_true(revoked);
    assert_int_equal(user_store_revoke(f->store, "third", 100, 1), STATUS_OK);
    assert_int_equal(user_store_is_revoked(f->store, "old", &revoked), STATUS_OK);
    assert_false(revoked);
}

/* Counts */

static void everything_is_counted(void **state)
{
    struct fixture *f = *state;
    struct user_store_counts counts;
    assert_int_equal(user_store_count(f->store, &counts), STATUS_OK);
    assert_int_equal(counts.users + counts.images + counts.revoked, 0);
    add(f, "@ann");
    add(f, "@bob");
    add(f, "@cid");
    put_image(f, "00.jpg");
    put_image(f, "01.jpg");
    assert_int_equal(user_store_revoke(f->store, "a", 1000, 0), STATUS_OK);
    assert_int_equal(user_store_count(f->store, &counts), STATUS_OK);
    assert_int_equal(counts.users, 3);
    assert_int_equal(counts.images, 2);
    assert_int_equal(counts.revoked, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(users_come_in_pages_by_key),
        TEST(a_missing_key_has_its_place_among_the_others),
        TEST(an_empty_store_has_an_empty_page),
        TEST(a_page_has_every_field_of_a_user),
        TEST(image_names_come_in_pages),
        TEST(revoked_tokens_come_in_pages_with_their_ends),
        TEST(at_time_zero_no_token_is_forgotten),
        TEST(everything_is_counted),
    };
    char group[64];
    snprintf(group, sizeof(group), "user_store pages %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
