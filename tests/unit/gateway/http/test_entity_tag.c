/* gateway/http/entity_tag: RFC 9110 sections 8.8.3 and 13.1. */
#include "tests/unit/unit.h"

#include "gateway/http/entity_tag.h"

#define TAG "\"a1\""

struct example {
    const char *list;
    bool strong, weak; /* expected */
};

static void expect_each(const char *tag, const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct example *e = &examples[i];
        if (entity_tag_is_listed(e->list, tag, ENTITY_TAG_STRONG) != e->strong ||
            entity_tag_is_listed(e->list, tag, ENTITY_TAG_WEAK) != e->weak)
            fail_msg("%s in the list %s", tag, e->list);
    }
}
#define EXPECT_EACH(tag, examples) expect_each(tag, examples, COUNT_OF(examples))

static void a_tag_is_compared_with_each_of_the_list(void **state)
{
    static const struct example examples[] = {
        { TAG, true, true },
        { "  " TAG "\t", true, true },
        { "\"b\", " TAG, true, true },
        { "\"b\"," TAG ",\"c\"", true, true },
        { ", ,\t" TAG ",,", true, true },
        { "\"b\"", false, false },
        { "\"a\"", false, false },
        { "\"a12\"", false, false },
        { "\"A1\"", false, false },
        { "\"\"", false, false },
        { "", false, false },
        { " , ", false, false },
    };

    (void)state;
    EXPECT_EACH(TAG, examples);
}

static void a_weak_tag_equals_in_weak_comparison_only(void **state)
{
    static const struct example examples[] = {
        { "W/" TAG, false, true },
        { "W/\"b\", W/" TAG, false, true },
        { "W/" TAG ", " TAG, true, true },
        { "w/" TAG, false, false },
        { "W/ " TAG, false, false },
        { "W" TAG, false, false },
        { "W/", false, false },
    };

    (void)state;
    EXPECT_EACH(TAG, examples);
}

static void an_asterisk_alone_is_any_tag(void **state)
{
    static const struct example examples[] = {
        { "*", true, true },          { " * ", true, true },        { "**", false, false },
        { "*, \"b\"", false, false }, { "\"b\", *", false, false }, { "\"*\"", false, false },
    };

    (void)state;
    EXPECT_EACH(TAG, examples);
}

static void a_comma_or_an_asterisk_can_be_in_a_tag(void **state)
{
    static const struct example examples[] = {
        { "\"a,b\"", true, true },
        { "\"a\", \"b\"", false, false },
        { "\"x,\", W/\"a,b\"", false, true },
        { "\"\xe4/W\\\", \"a,b\"", true, true },
    };

    (void)state;
    EXPECT_EACH("\"a,b\"", examples);
}

static void a_list_ends_where_it_is_malformed(void **state)
{
    static const struct example examples[] = {
        { "a1", false, false },
        { "\"a1", false, false },
        { "a1\"", false, false },
        { "\"", false, false },
        { "b, " TAG, false, false },
        { "\"b\"c, " TAG, false, false },
        { "\"b\";q=1, " TAG, false, false },
        { "\"b c\", " TAG, false, false },
        { "\"b\x7f\", " TAG, false, false },
        { TAG ", b", true, true },
        { TAG "x", false, false },
    };

    (void)state;
    EXPECT_EACH(TAG, examples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tag_is_compared_with_each_of_the_list),
        cmocka_unit_test(a_weak_tag_equals_in_weak_comparison_only),
        cmocka_unit_test(an_asterisk_alone_is_any_tag),
        cmocka_unit_test(a_comma_or_an_asterisk_can_be_in_a_tag),
        cmocka_unit_test(a_list_ends_where_it_is_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
