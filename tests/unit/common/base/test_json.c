/* services/common/base/json: what is JSON, and how values are read. */
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/json.h"

/* From a copy of the exact size, so that a sanitiser sees a read beyond. */
static struct json *parse_copied(const char *text, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    struct json *root = json_parse(copy, length);
    free(copy);
    return root;
}

static struct json *parse(const char *text)
{
    return parse_copied(text, strlen(text));
}

static bool is_json(const char *text, size_t length)
{
    struct json *root = parse_copied(text, length);
    bool result = root != NULL;
    json_destroy(&root);
    assert_null(root);
    return result;
}

static void assert_all(const char *const *texts, size_t count, bool expected)
{
    for (size_t i = 0; i < count; i++)
        if (is_json(texts[i], strlen(texts[i])) != expected)
            fail_msg("%s: %s", expected ? "refused" : "accepted", texts[i]);
}

/* What is JSON */

static void values_of_every_kind_are_json(void **state)
{
    (void)state;
    static const char *const good[] = { "null",
                                        "true",
                                        "false",
                                        "0",
                                        "-0",
                                        "12",
                                        "-1.5",
                                        "1e5",
                                        "1E+5",
                                        "2.25e-3",
                                        "\"\"",
                                        "\"a\"",
                                        "[]",
                                        "{}",
                                        "[1,\"a\",null,[],{}]",
                                        "{\"a\":1,\"b\":[true]}",
                                        " [ 1 , 2 ]\r\n\t",
                                        "\"\xF0\x9F\x98\x80 \xD0\xB9\"",
                                        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                        "{\"\":0}",
                                        "\"\x7F\"",
                                        "\"\\u00e9\\uD83D\\uDE00\"",
                                        "\"\\\\u0000\"",
                                        "\"u0000\"",
                                        "1.7976931348623157e308" };
    assert_all(good, COUNT_OF(good), true);
}

static void anything_else_is_invalid(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          " ",         "nul",        "nulll",   "True",  "NaN",       "Infinity",
        "-Infinity", "undefined", "'a'",        "[",       "]",     "{",         "}",
        "[1",        "[1,",       "[1,]",       "[,1]",    "[1 2]", "[1}",       "{]",
        "{\"a\"}",   "{\"a\":}",  "{\"a\":1,}", "{a:1}",   "{1:1}", "{\"a\" 1}", "{,}",
        "1 2",       "[] []",     "{}x",        "// x\n1", "/**/1", "\"",        "\"a",
        "a\"",       "\"a\"b\"",  "[\"a]",      ",",       ":",     "[:]"
    };
    assert_all(bad, COUNT_OF(bad), false);
}

static void numbers_follow_the_grammar(void **state)
{
    (void)state;
    static const char *const bad[] = { "+1",         "01",    "-01", "00",   "1.",    ".5",
                                       "-.5",        "-",     "1e",  "1e+",  "1.e5",  "e5",
                                       "0x10",       "1_000", "--1", "1..2", "1e5.5", "[01]",
                                       "{\"a\":+1}", "[1.]",  "1,5", "0b1",  "1f",    "- 1" };
    assert_all(bad, COUNT_OF(bad), false);
}

static void bad_escapes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "\"\\\"",      "\"\\x41\"",   "\"\\'\"",
                                       "\"\\a\"",     "\"\\0\"",     "\"\\u\"",
                                       "\"\\u12\"",   "\"\\u123\"",  "\"\\u12G4\"",
                                       "\"\\uzzzz\"", "\"\\u 123\"", "\"\\u-123\"",
                                       "\"\\u000g\"", "\"\\U0041\"", "{\"\\uqqqq\":1}",
                                       "\"\\u+041\"" };
    assert_all(bad, COUNT_OF(bad), false);
}

static void lone_surrogates_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "\"\\uD800\"",          "\"\\uDBFFx\"",
                                       "\"\\uDC00\"",          "\"\\uDFFF\"",
                                       "\"\\uD83D\\u0041\"",   "\"\\uDE00\\uD83D\"",
                                       "\"\\uD83D\\\\uDE00\"", "\"\\uD83D\\uD83D\"",
                                       "\"\\uD83D\\n\"" };
    assert_all(bad, COUNT_OF(bad), false);
}

static void the_escaped_nul_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "\"\\u0000\"", "\"a\\u0000b\"", "{\"a\\u0000\":1}",
                                       "[\"\\\\\\u0000\"]" };
    assert_all(bad, COUNT_OF(bad), false);
}

static void raw_control_characters_are_refused(void **state)
{
    (void)state;
    for (char c = 0; c < 0x20; c++) {
        char in_string[] = { '"', c, '"' }, outside[] = { '[', c, '1', c, ']', c };
        bool space = c == '\t' || c == '\n' || c == '\r';
        assert_false(is_json(in_string, sizeof(in_string)));
        assert_int_equal(is_json(outside, sizeof(outside)), space);
    }
    assert_false(is_json("1\0", 2));
    assert_false(is_json("\0", 1));
    assert_false(is_json("{}\0{}", 5));
}

static void text_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "\"\xFF\"",         "\"\xC3\"",   "\"\xC0\x80\"",
                                       "\"\xED\xA0\x80\"", "\xFF\xFE[]", "{\"\x80\":1}" };
    assert_all(bad, COUNT_OF(bad), false);
}

static void other_white_space_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "\xC2\xA0[]", "[]\xE2\x80\x83", "\x0B[]", "\x0C[]",
                                       "[\xE3\x80\x80]" };
    assert_all(bad, COUNT_OF(bad), false);
}

static bool nests(size_t depth, char open, char close)
{
    char text[4096];
    size_t n = 0;
    for (size_t i = 0; i < depth; i++) {
        text[n++] = open;
        if (open == '{' && i + 1 < depth) {
            memcpy(text + n, "\"a\":", 4);
            n += 4;
        }
    }
    memset(text + n, close, depth);
    return is_json(text, n + depth);
}

static void nesting_ends_at_its_limit(void **state)
{
    (void)state;
    assert_true(nests(JSON_DEPTH_MAX, '[', ']'));
    assert_false(nests(JSON_DEPTH_MAX + 1, '[', ']'));
    assert_true(nests(JSON_DEPTH_MAX, '{', '}'));
    assert_false(nests(JSON_DEPTH_MAX + 1, '{', '}'));
    assert_true(is_json("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"", 44));
}

static void endless_opening_brackets_cost_no_stack(void **state)
{
    (void)state;
    enum { MANY = 1000000 };
    char *text = malloc(MANY);
    assert_non_null(text);
    memset(text, '[', MANY);
    assert_false(is_json(text, MANY));
    memset(text, ']', MANY);
    assert_false(is_json(text, MANY));
    free(text);
}

static void only_the_given_length_is_read(void **state)
{
    (void)state;
    assert_true(is_json("12x", 2));
    assert_true(is_json("[]]", 2));
    assert_false(is_json("[1,2]", 4));
    assert_false(is_json("\"a\"", 2));
    assert_false(is_json("true", 3));
}

/* Reading values */

static void members_are_found_by_exact_name(void **state)
{
    (void)state;
    struct json *root = parse("{\"a\":1,\"A\":2,\"\":3,\"\\u00e4\":4,\"a\":5}");
    int64_t value = 0;
    assert_true(json_is_object(root));
    assert_int_equal(json_count(root), 5);
    assert_true(json_to_int(json_member(root, "a"), 0, 9, &value));
    assert_int_equal(value, 1);
    assert_true(json_to_int(json_member(root, "A"), 0, 9, &value));
    assert_int_equal(value, 2);
    assert_true(json_to_int(json_member(root, ""), 0, 9, &value));
    assert_int_equal(value, 3);
    assert_true(json_to_int(json_member(root, "\xC3\xA4"), 0, 9, &value));
    assert_int_equal(value, 4);
    assert_null(json_member(root, "b"));
    assert_null(json_member(root, "aa"));
    json_destroy(&root);
}

static void arrays_and_objects_are_walked_in_order(void **state)
{
    (void)state;
    struct json *root = parse("{\"x\":[10,11,12],\"y\":[]}");
    const struct json *array = json_first(root);
    int64_t value = 0, expected = 10;
    assert_string_equal(json_name(array), "x");
    assert_true(json_is_array(array));
    assert_int_equal(json_count(array), 3);
    for (const struct json *at = json_first(array); at != NULL; at = json_next(at)) {
        assert_true(json_to_int(at, 0, 99, &value));
        assert_int_equal(value, expected++);
    }
    assert_int_equal(expected, 13);
    const struct json *empty = json_next(array);
    assert_string_equal(json_name(empty), "y");
    assert_int_equal(json_count(empty), 0);
    assert_null(json_first(empty));
    assert_null(json_next(empty));
    json_destroy(&root);
}

static void strings_are_unescaped(void **state)
{
    (void)state;
    struct json *root = parse("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00E9\\uD83D\\uDE00\",7]");
    const struct json *text = json_first(root);
    assert_string_equal(json_text(text), "\"\\/\b\f\n\r\tA\xC3\xA9\xF0\x9F\x98\x80");
    assert_null(json_text(json_next(text)));
    assert_null(json_text(root));
    json_destroy(&root);
}

static void a_missing_value_has_no_type(void **state)
{
    (void)state;
    int64_t value = 7;
    bool flag = true;
    assert_false(json_is_object(NULL));
    assert_false(json_is_array(NULL));
    assert_false(json_is_null(NULL));
    assert_false(json_is_number(NULL));
    assert_null(json_text(NULL));
    assert_null(json_member(NULL, "a"));
    assert_int_equal(json_count(NULL), 0);
    assert_null(json_first(NULL));
    assert_false(json_to_int(NULL, 0, 9, &value));
    assert_false(json_to_bool(NULL, &flag));
    struct json *none = NULL;
    json_destroy(&none);
}

static void every_value_has_one_type(void **state)
{
    (void)state;
    struct json *root = parse("[null,true,1,\"s\",[],{}]");
    static const char types[] = "nb1sao";
    size_t i = 0;
    for (const struct json *at = json_first(root); at != NULL; at = json_next(at), i++) {
        bool flag;
        assert_int_equal(json_is_null(at), types[i] == 'n');
        assert_int_equal(json_to_bool(at, &flag), types[i] == 'b');
        assert_int_equal(json_is_number(at), types[i] == '1');
        assert_int_equal(json_text(at) != NULL, types[i] == 's');
        assert_int_equal(json_is_array(at), types[i] == 'a');
        assert_int_equal(json_is_object(at), types[i] == 'o');
    }
    json_destroy(&root);
}

static bool reads_int(const char *text, int64_t min, int64_t max, int64_t *value_out)
{
    struct json *root = parse(text);
    bool result = json_to_int(root, min, max, value_out);
    json_destroy(&root);
    return result;
}

static void whole_numbers_are_read_within_bounds(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_true(reads_int("5", 5, 5, &value));
    assert_int_equal(value, 5);
    assert_true(reads_int("-3", -3, 0, &value));
    assert_int_equal(value, -3);
    assert_true(reads_int("1e3", 0, 1000, &value));
    assert_int_equal(value, 1000);
    assert_true(reads_int("2.0", 0, 9, &value));
    assert_int_equal(value, 2);
    assert_true(reads_int("9007199254740991", 0, 9007199254740991, &value));
    assert_true(value == 9007199254740991);
    value = 77;
    assert_false(reads_int("4", 5, 5, &value));
    assert_false(reads_int("6", 5, 5, &value));
    assert_false(reads_int("1.5", 0, 9, &value));
    assert_false(reads_int("1e999", 0, INT32_MAX, &value));
    assert_false(reads_int("-1e999", INT32_MIN, INT32_MAX, &value));
    assert_false(reads_int("\"5\"", 0, 9, &value));
    assert_false(reads_int("true", 0, 9, &value));
    assert_false(reads_int("null", 0, 9, &value));
    assert_int_equal(value, 77);
}

static void booleans_and_fractions_are_read(void **state)
{
    (void)state;
    struct json *root = parse("[true,false,-1.25e2]");
    const struct json *yes = json_first(root), *no = json_next(yes), *number = json_next(no);
    bool flag = false;
    assert_true(json_to_bool(yes, &flag));
    assert_true(flag);
    assert_true(json_to_bool(no, &flag));
    assert_false(flag);
    assert_false(json_to_bool(number, &flag));
    assert_true(fabs(json_to_double(number) + 125.0) < 1e-12);
    json_destroy(&root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_kind_are_json),
        cmocka_unit_test(anything_else_is_invalid),
        cmocka_unit_test(numbers_follow_the_grammar),
        cmocka_unit_test(bad_escapes_are_refused),
        cmocka_unit_test(lone_surrogates_are_refused),
        cmocka_unit_test(the_escaped_nul_is_refused),
        cmocka_unit_test(raw_control_characters_are_refused),
        cmocka_unit_test(text_that_is_not_utf8_is_refused),
        cmocka_unit_test(other_white_space_is_refused),
        cmocka_unit_test(nesting_ends_at_its_limit),
        cmocka_unit_test(endless_opening_brackets_cost_no_stack),
        cmocka_unit_test(only_the_given_length_is_read),
        cmocka_unit_test(members_are_found_by_exact_name),
        cmocka_unit_test(arrays_and_objects_are_walked_in_order),
        cmocka_unit_test(strings_are_unescaped),
        cmocka_unit_test(a_missing_value_has_no_type),
        cmocka_unit_test(every_value_has_one_type),
        cmocka_unit_test(whole_numbers_are_read_within_bounds),
        cmocka_unit_test(booleans_and_fractions_are_read),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
