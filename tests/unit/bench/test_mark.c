/* tests/bench/mark: what the text of a measured message says about it. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "tests/bench/mark.h"

static const struct mark mark = { 12, 345, 6789012345678 };

static bool find(const char *json, struct mark *mark_out)
{
    return mark_find(json, strlen(json), mark_out);
}

static void a_written_message_is_found(void **state)
{
    char text[MARK_MAX + 1], json[256];
    struct mark found = { 0 };

    (void)state;
    mark_write(&mark, 1, text);
    snprintf(json, sizeof(json), "{\"code\":3001,\"body\":{\"text\":\"%s\",\"date\":1}}", text);
    assert_true(find(json, &found));
    assert_int_equal(found.pair, mark.pair);
    assert_int_equal(found.number, mark.number);
    assert_int_equal(found.at_ns, mark.at_ns);
}

static void a_text_has_the_wanted_length_or_the_minimum(void **state)
{
    char text[201];

    (void)state;
    assert_int_equal(mark_write(&mark, 200, text), 200);
    assert_int_equal(strlen(text), 200);
    assert_string_equal(text + 198, "xx");
    size_t min = mark_write(&mark, 1, text);
    assert_int_equal(strlen(text), min);
    assert_true(min <= MARK_MAX);
    assert_string_equal(text, "b 12 345 6789012345678 ");
}

static void the_greatest_numbers_fit(void **state)
{
    const struct mark great = { UINT64_MAX, UINT64_MAX, INT64_MAX };
    char text[MARK_MAX + 1];

    (void)state;
    assert_true(mark_write(&great, 1, text) <= MARK_MAX);
    assert_int_equal(text[strlen(text) - 1], ' ');
}

static void other_texts_are_invalid(void **state)
{
    static const char *const others[] = {
        "",
        "{}",
        "{\"text\":\"hello\"}",
        "{\"text\":\"b 1 2 \"}",
        "{\"text\":\"b 1 2 3\"}",
        "{\"text\":\"b 1 x 3 \"}",
        "{\"text\":\"b 1",
    };
    struct mark found;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(find(others[i], &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_written_message_is_found),
        cmocka_unit_test(a_text_has_the_wanted_length_or_the_minimum),
        cmocka_unit_test(the_greatest_numbers_fit),
        cmocka_unit_test(other_texts_are_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
