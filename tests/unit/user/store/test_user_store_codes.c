/* services/user/store/user_store: one-time codes. */
#include "tests/unit/unit.h"

#include <string.h>

#include "services/common/base/log.h"
#include "tests/unit/user/store/user_store_fixture.h"

static const int64_t start_ms = 1700000000000;

static struct user_code code_of(const char *secret, enum user_code_kind kind,
                                const struct user *maker, int64_t created_ms)
{
    struct user_code code = {
        .key = id_from_parts("test", secret),
        .kind = kind,
        .created_ms = created_ms,
        .expires_at_s = start_ms / 1000 + 1000,
    };
    if (maker != NULL) {
        code.account = maker->id;
        snprintf(code.account_tag, sizeof(code.account_tag), "%s", maker->tag);
    }
    return code;
}

static void add_code(struct fixture *f, const struct user_code *code)
{
    assert_int_equal(user_store_add_code(f->store, code, 0), STATUS_OK);
}

static void assert_same(const struct user_code *one, const struct user_code *other)
{
    assert_memory_equal(one->key.bytes, other->key.bytes, ID_BYTES);
    assert_int_equal(one->kind, other->kind);
    assert_memory_equal(one->account.bytes, other->account.bytes, ID_BYTES);
    assert_string_equal(one->account_tag, other->account_tag);
    assert_int_equal(one->created_ms, other->created_ms);
    assert_int_equal(one->expires_at_s, other->expires_at_s);
    assert_int_equal(one->used_ms, other->used_ms);
    assert_memory_equal(one->used_by.bytes, other->used_by.bytes, ID_BYTES);
    assert_string_equal(one->used_by_tag, other->used_by_tag);
}

static void a_code_is_kept_as_it_was_added(void **state)
{
    struct fixture *f = *state;
    struct user anna = user_of("@anna");
    struct user_code codes[] = { code_of("a", USER_CODE_INVITE, &anna, start_ms),
                                 code_of("b", USER_CODE_RESET, NULL, start_ms) };
    struct user_code found;
    assert_int_equal(user_store_get_code(f->store, &codes[0].key, &found), STATUS_NOT_FOUND);
    for (int i = 0; i < 2; i++)
        add_code(f, &codes[i]);
    reopen(f);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(user_store_get_code(f->store, &codes[i].key, &found), STATUS_OK);
        assert_same(&found, &codes[i]);
    }
}

static void a_code_is_used_by_one_only(void **state)
{
    struct fixture *f = *state;
    struct user anna = user_of("@anna"), ben = user_of("@ben");
    struct user_code code = code_of("a", USER_CODE_INVITE, &anna, start_ms), found;
    add_code(f, &code);
    code.used_ms = start_ms + 1;
    code.used_by = ben.id;
    snprintf(code.used_by_tag, sizeof(code.used_by_tag), "@ben");
    assert_int_equal(user_store_use_code(f->store, &code, 0), STATUS_OK);
    struct user_code second = code;
    second.used_by = anna.id;
    assert_int_equal(user_store_use_code(f->store, &second, 0), STATUS_CONFLICT);
    assert_int_equal(user_store_get_code(f->store, &code.key, &found), STATUS_OK);
    assert_same(&found, &code);
    assert_int_equal(user_store_delete_code(f->store, &code.key), STATUS_NOT_FOUND);
    struct user_code unused = code_of("a", USER_CODE_INVITE, &anna, start_ms);
    assert_int_equal(user_store_use_code(f->store, &unused, start_ms + 1), STATUS_OK);
    assert_int_equal(user_store_get_code(f->store, &code.key, &found), STATUS_OK);
    assert_same(&found, &unused);
    assert_int_equal(user_store_delete_code(f->store, &code.key), STATUS_OK);
    assert_int_equal(user_store_delete_code(f->store, &code.key), STATUS_NOT_FOUND);
    assert_int_equal(user_store_use_code(f->store, &code, 0), STATUS_CONFLICT);
}

static void the_codes_of_an_account_are_listed_the_newest_first(void **state)
{
    struct fixture *f = *state;
    struct user anna = user_of("@anna"), ben = user_of("@ben");
    struct user_code codes[] = { code_of("1", USER_CODE_INVITE, &anna, start_ms),
                                 code_of("2", USER_CODE_INVITE, &anna, start_ms + 2),
                                 code_of("3", USER_CODE_RESET, &anna, start_ms + 3),
                                 code_of("4", USER_CODE_INVITE, &ben, start_ms + 4),
                                 code_of("5", USER_CODE_INVITE, &anna, start_ms + 1) };
    const int order[] = { 1, 4, 0 };
    struct user_code_list list;
    for (int i = 0; i < 5; i++)
        add_code(f, &codes[i]);
    for (size_t max = 1; max <= 4; max++) {
        assert_int_equal(user_store_codes(f->store, USER_CODE_INVITE, &anna.id, max, &list),
                         STATUS_OK);
        assert_int_equal(list.count, max < 3 ? max : 3);
        for (size_t i = 0; i < list.count; i++)
            assert_same(&list.items[i], &codes[order[i]]);
        free(list.items);
    }
}

static void pages_have_all_codes_by_key(void **state)
{
    struct fixture *f = *state;
    enum { CODES = 7, PAGE = 3 };
    struct user_code_list list;
    struct id last = { { 0 } };
    size_t seen = 0;
    for (int i = 0; i < CODES; i++) {
        char secret[] = { (char)('a' + i), '\0' };
        struct user_code code = code_of(secret, USER_CODE_INVITE, NULL, start_ms);
        add_code(f, &code);
    }
    do {
        assert_int_equal(user_store_code_page(f->store, seen > 0 ? &last : NULL, PAGE, &list),
                         STATUS_OK);
        for (size_t i = 0; i < list.count; i++) {
            assert_true(memcmp(list.items[i].key.bytes, last.bytes, ID_BYTES) > 0);
            last = list.items[i].key;
            seen++;
        }
        free(list.items);
    } while (list.count == PAGE);
    assert_int_equal(seen, CODES);
}

static void unused_codes_that_have_expired_are_deleted(void **state)
{
    struct fixture *f = *state;
    struct user_code old = code_of("old", USER_CODE_INVITE, NULL, start_ms), found;
    struct user_code used = code_of("used", USER_CODE_INVITE, NULL, start_ms);
    struct user_code new = code_of("new", USER_CODE_INVITE, NULL, start_ms);
    add_code(f, &old);
    used.used_ms = start_ms;
    add_code(f, &used);
    new.expires_at_s++;
    assert_int_equal(user_store_add_code(f->store, &new, old.expires_at_s), STATUS_OK);
    assert_int_equal(user_store_get_code(f->store, &old.key, &found), STATUS_NOT_FOUND);
    assert_int_equal(user_store_get_code(f->store, &used.key, &found), STATUS_OK);
    assert_int_equal(user_store_get_code(f->store, &new.key, &found), STATUS_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(a_code_is_kept_as_it_was_added),
        TEST(a_code_is_used_by_one_only),
        TEST(the_codes_of_an_account_are_listed_the_newest_first),
        TEST(pages_have_all_codes_by_key),
        TEST(unused_codes_that_have_expired_are_deleted),
    };
    char group[64];
    snprintf(group, sizeof(group), "user_store_codes %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
