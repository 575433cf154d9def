/* services/common/base/json_writer: what it writes is what a reader reads. */
#include "tests/unit/unit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/json.h"
#include "services/common/base/json_writer.h"
#include "services/common/base/text.h"

/* Takes the writer's buffer. */
static void assert_wrote(struct json_writer *w, const char *expected)
{
    assert_string_equal(buffer_text(&w->out), expected);
    assert_int_equal(w->out.length, strlen(expected));
    buffer_finish(&w->out);
}

static void commas_stand_between_values_only(void **state)
{
    (void)state;
    struct json_writer w = { 0 };
    json_begin_object(&w);
    json_put_string(&w, "a", "x");
    json_key(&w, "b");
    json_begin_array(&w);
    json_int(&w, 1);
    json_begin_array(&w);
    json_end_array(&w);
    json_begin_object(&w);
    json_end_object(&w);
    json_null(&w);
    json_end_array(&w);
    json_put_bool(&w, "c", false);
    json_put_int(&w, "d", -7);
    json_key(&w, "e");
    json_raw(&w, "{\"raw\":1}tail", 9);
    json_put_bool(&w, "f", true);
    json_end_object(&w);
    assert_wrote(&w, "{\"a\":\"x\",\"b\":[1,[],{},null],\"c\":false,\"d\":-7,"
                     "\"e\":{\"raw\":1},\"f\":true}");
}

static void empty_containers_are_written(void **state)
{
    (void)state;
    struct json_writer object = { 0 }, array = { 0 };
    json_begin_object(&object);
    json_end_object(&object);
    assert_wrote(&object, "{}");
    json_begin_array(&array);
    json_end_array(&array);
    assert_wrote(&array, "[]");
}

/* The number of U+FFFD is that of the browsers' TextDecoder. */
static void what_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        { "a\xff"
          "b",
          "\"a\xef\xbf\xbd"
          "b\"" },
        { "\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xc3", "\"\xef\xbf\xbd\"" },     /* cut off */
        { "\xe2\x82", "\"\xef\xbf\xbd\"" }, /* cut off later */
        { "\xe2\x82x", "\"\xef\xbf\xbdx\"" },
        { "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },                 /* overlong */
        { "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* a surrogate */
        { "\xf0\x9f\x98", "\"\xef\xbf\xbd\"" },
        { "\xf4\x90\x80\x80",
          "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* above U+10FFFF */
        { "\xf0\x9f\x98\x80\xc3\xa4\"\xe2\x82\xac\n",
          "\"\xf0\x9f\x98\x80\xc3\xa4\\\"\xe2\x82\xac\\n\"" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_writer w = { 0 };
        json_string(&w, cases[i].text);
        assert_wrote(&w, cases[i].expected);
    }
}

static void strings_are_escaped(void **state)
{
    (void)state;
    struct json_writer w = { 0 };
    json_string(&w, "\"q\" \\ / \n\r\t\x01\x1F\x7F \xC3\xA9\xF0\x9F\x98\x80");
    assert_wrote(&w, "\"\\\"q\\\" \\\\ / \\n\\r\\t\\u0001\\u001f\x7F \xC3\xA9\xF0\x9F\x98\x80\"");
    json_string(&w, "");
    buffer_finish(&w.out);
}

static void assert_string_comes_back(const char *text)
{
    struct json_writer w = { 0 };
    json_string(&w, text);
    struct json *root = json_parse(w.out.data, w.out.length);
    assert_non_null(root);
    assert_string_equal(json_text(root), text);
    json_destroy(&root);
    buffer_finish(&w.out);
}

static void every_string_comes_back_the_same(void **state)
{
    (void)state;
    unsigned random = 17;
    for (int c = 1; c < 0x80; c++) {
        char text[] = { 'a', (char)c, (char)c, 'z', '\0' };
        assert_string_comes_back(text);
    }
    for (int round = 0; round < 5000; round++) {
        char text[24];
        size_t n = 0;
        for (; n + 1 < sizeof(text); n++) {
            random = random * 1664525u + 1013904223u;
            text[n] = (char)(random >> 24 | 1u);
        }
        text[n] = '\0';
        if (text_is_utf8(text, n))
            assert_string_comes_back(text);
    }
}

static void whole_numbers_are_written_to_their_limits(void **state)
{
    (void)state;
    struct json_writer w = { 0 };
    json_begin_array(&w);
    json_int(&w, 0);
    json_int(&w, INT64_MAX);
    json_int(&w, INT64_MIN);
    json_end_array(&w);
    assert_wrote(&w, "[0,9223372036854775807,-9223372036854775808]");
}

static void assert_double(double value, const char *expected)
{
    struct json_writer w = { 0 };
    json_double(&w, value);
    if (expected != NULL)
        assert_string_equal(buffer_text(&w.out), expected);
    struct json *root = json_parse(w.out.data, w.out.length);
    if (root == NULL)
        fail_msg("%s is not JSON", buffer_text(&w.out));
    double back = json_to_double(root);
    assert_memory_equal(&back, &value, sizeof(value));
    json_destroy(&root);
    buffer_finish(&w.out);
}

static void fractions_are_written_short_and_read_back(void **state)
{
    (void)state;
    assert_double(0.1, "0.1");
    assert_double(-2.5, "-2.5");
    assert_double(3.0, "3");
    assert_double(1e14, "100000000000000");
    assert_double(1e300, NULL);
    assert_double(DBL_MAX, NULL);
    assert_double(DBL_MIN, NULL);
    assert_double(1.0 / 3.0, NULL);
    assert_double(5e-324, NULL);
    assert_double(123456789012345680.0, NULL);
    assert_double(0.1 + 0.2, "0.30000000000000004");
}

static void a_writer_continues_after_its_buffer_was_taken(void **state)
{
    (void)state;
    struct json_writer w = { 0 };
    json_begin_array(&w);
    json_end_array(&w);
    size_t length;
    char *text = buffer_take(&w.out, &length);
    assert_string_equal(text, "[]");
    assert_int_equal(length, 2);
    free(text);
    w = (struct json_writer){ 0 };
    json_bool(&w, true);
    assert_wrote(&w, "true");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_between_values_only),
        cmocka_unit_test(empty_containers_are_written),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(what_is_not_utf8_is_replaced),
        cmocka_unit_test(every_string_comes_back_the_same),
        cmocka_unit_test(whole_numbers_are_written_to_their_limits),
        cmocka_unit_test(fractions_are_written_short_and_read_back),
        cmocka_unit_test(a_writer_continues_after_its_buffer_was_taken),
    };
    return cmocka_run_group_tests_name("json_writer", tests, NULL, NULL);
}
