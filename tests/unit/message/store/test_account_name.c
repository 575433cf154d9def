/* services/message/store/account_name: the tag for the first account, with its id for others. */
#include "services/message/store/account_name.h"

#include "tests/unit/unit.h"

#define ID "0123456789abcdef01234567"

static void assert_key(const char *name, const char *expected)
{
    char key[ACCOUNT_NAME_SIZE];
    assert_int_equal(account_name_to_key(name, key), *expected != '\0');
    assert_string_equal(key, expected);
}

static void a_key_is_in_lower_case_without_the_at_sign(void **state)
{
    (void)state;
    assert_key("@Mona", "mona");
    assert_key("@Mona:" ID, "mona:" ID);
    assert_key("@m234567890123456789012345678901_", "m234567890123456789012345678901_");
    assert_key("@m234567890123456789012345678901_:" ID, "m234567890123456789012345678901_:" ID);
}

static void what_is_no_name_has_no_key(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "@",
        "mona",
        ":",
        "@:" ID,
        "@mona:",
        "@mona:x",
        "@mona:" ID "0",
        "@mona::" ID,
        "@mona:0123456789abcdef0123456g",
        "@m2345678901234567890123456789012_:" ID,
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_key(names[i], "");
}

static void a_name_of_a_later_account_has_its_id(void **state)
{
    (void)state;
    char name[ACCOUNT_NAME_SIZE], tag[TAG_SIZE];
    assert_true(account_name_set(name, "@Mona", ID));
    assert_string_equal(name, "@Mona:" ID);
    account_name_strip(name, tag);
    assert_string_equal(tag, "@Mona");
    account_name_strip("mona:" ID, tag);
    assert_string_equal(tag, "mona");
    account_name_strip("@m234567890123456789012345678901_", tag);
    assert_string_equal(tag, "@m234567890123456789012345678901_");
    assert_false(account_name_set(name, "mona", ID));
}

static void names_are_the_same_without_regard_to_case(void **state)
{
    (void)state;
    assert_true(account_name_same("@Mona", "@mONA"));
    assert_true(account_name_same("@Mona:" ID, "@mona:" ID));
    assert_false(account_name_same("@Mona", "@Mona:" ID));
    assert_false(account_name_same("@Mona:" ID, "@Mona:1123456789abcdef01234567"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_in_lower_case_without_the_at_sign),
        cmocka_unit_test(what_is_no_name_has_no_key),
        cmocka_unit_test(a_name_of_a_later_account_has_its_id),
        cmocka_unit_test(names_are_the_same_without_regard_to_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
