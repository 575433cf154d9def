/* services/common/base/tag: which tags are valid, and when two of them name the same user. */
#include "tests/unit/unit.h"

#include <string.h>

#include "services/common/base/tag.h"

static void make_tag(char *out, size_t length)
{
    memset(out, 'a', length);
    out[0] = '@';
    out[length] = '\0';
}

static void an_at_sign_a_letter_and_more_is_a_tag(void **state)
{
    (void)state;
    static const char *const good[] = { "@a", "@Z", "@a1", "@A_", "@bob_the_2nd", "@aZ09_" };
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(tag_is_valid(good[i]));
}

static void anything_else_is_no_tag(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          "@",          "a",      "ab",   "bob",  "@1",   "@_a", "@@a",
        "@a-b",      "@a b",       " @ab",   "@ab ", "@a.b", "@a\n", "@a*", "@a>b",
        "@\xC3\xA4", "@a\xC3\xA4", "@a\x7f", "@a/b", "@a:b", "@a`",  "@a[", "@a{",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (tag_is_valid(bad[i]))
            fail_msg("\"%s\" accepted", bad[i]);
}

static void every_byte_is_judged_in_every_place(void **state)
{
    (void)state;
    for (unsigned c = 1; c < 256; c++) {
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool more = letter || (c >= '0' && c <= '9') || c == '_';
        char first[] = { '@', (char)c, 'x', '\0' }, later[] = { '@', 'x', (char)c, '\0' };
        assert_int_equal(tag_is_valid(first), letter);
        assert_int_equal(tag_is_valid(later), more);
    }
}

static void tags_have_2_to_33_characters(void **state)
{
    (void)state;
    char tag[64];
    make_tag(tag, 2);
    assert_true(tag_is_valid(tag));
    make_tag(tag, TAG_MAX);
    assert_true(tag_is_valid(tag));
    make_tag(tag, TAG_MAX + 1);
    assert_false(tag_is_valid(tag));
    make_tag(tag, 63);
    assert_false(tag_is_valid(tag));
}

static void the_key_is_the_tag_in_lower_case_without_the_at_sign(void **state)
{
    (void)state;
    char key[TAG_SIZE], longest[TAG_SIZE];
    assert_true(tag_to_key("@BoB_07Z", key));
    assert_string_equal(key, "bob_07z");
    make_tag(longest, TAG_MAX);
    assert_true(tag_to_key(longest, key));
    assert_string_equal(key, longest + 1);
}

static void a_bad_tag_has_an_empty_key(void **state)
{
    (void)state;
    char key[TAG_SIZE] = "left over", tag[64];
    assert_false(tag_to_key("bob", key));
    assert_string_equal(key, "");
    make_tag(tag, TAG_MAX + 1);
    memcpy(key, "left over", 10);
    assert_false(tag_to_key(tag, key));
    assert_string_equal(key, "");
}

static void tags_that_differ_in_case_only_are_the_same(void **state)
{
    (void)state;
    assert_true(tag_same("@bob", "@bob"));
    assert_true(tag_same("@BOB_1", "@bob_1"));
    assert_false(tag_same("@bob", "@bobo"));
    assert_false(tag_same("@bob", "bob"));
    assert_false(tag_same("", ""));
    assert_false(tag_same("bad", "bad"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_at_sign_a_letter_and_more_is_a_tag),
        cmocka_unit_test(anything_else_is_no_tag),
        cmocka_unit_test(every_byte_is_judged_in_every_place),
        cmocka_unit_test(tags_have_2_to_33_characters),
        cmocka_unit_test(the_key_is_the_tag_in_lower_case_without_the_at_sign),
        cmocka_unit_test(a_bad_tag_has_an_empty_key),
        cmocka_unit_test(tags_that_differ_in_case_only_are_the_same),
    };
    return cmocka_run_group_tests_name("tag", tests, NULL, NULL);
}
