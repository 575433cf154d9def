/* services/common/base/text: strict readings of foreign text. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/text.h"

/* UTF-8 */

static size_t encode(uint32_t c, unsigned char out[4])
{
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        return 1;
    }
    size_t length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, c >>= 6)
        out[i] = (unsigned char)(0x80 | (c & 0x3F));
    out[0] = (unsigned char)(0xF00u >> length | c);
    return length;
}

static void every_code_point_but_the_surrogates_is_utf8(void **state)
{
    (void)state;
    unsigned char bytes[4];
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        size_t length = encode(c, bytes);
        if (text_is_utf8(bytes, length) != (c < 0xD800 || c > 0xDFFF))
            fail_msg("U+%04X", (unsigned)c);
    }
}

static void code_points_above_the_last_are_not_utf8(void **state)
{
    (void)state;
    unsigned char bytes[4];
    for (uint32_t c = 0x110000; c < 0x200000; c += 0xFFF)
        assert_false(text_is_utf8(bytes, encode(c, bytes)));
}

/* Copies of the exact size, so that a sanitiser sees a read beyond. */
static bool is_utf8_copied(const char *text, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    bool result = text_is_utf8(copy, length);
    free(copy);
    return result;
}

static void malformed_sequences_are_not_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = { "\x80",
                                       "\xBF",
                                       "\xC0\x80",
                                       "\xC1\xBF",
                                       "\xE0\x80\x80",
                                       "\xE0\x9F\xBF",
                                       "\xED\xA0\x80",
                                       "\xED\xBF\xBF",
                                       "\xF0\x80\x80\x80",
                                       "\xF0\x8F\xBF\xBF",
                                       "\xF4\x90\x80\x80",
                                       "\xF8\x88\x80\x80\x80",
                                       "\xFE",
                                       "\xFF",
                                       "\xC3\x28",
                                       "\xE2\x28\xA1",
                                       "\xE2\x82\x28",
                                       "\xF0\x28\x8C\xBC",
                                       "\xF0\x9F\x28\x80" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char wrapped[16] = "ab";
        assert_false(is_utf8_copied(bad[i], strlen(bad[i])));
        strcat(wrapped, bad[i]);
        strcat(wrapped, "cd");
        assert_false(is_utf8_copied(wrapped, strlen(wrapped)));
    }
}

static void a_sequence_cut_short_is_not_utf8(void **state)
{
    (void)state;
    static const char *const whole[] = { "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80" };
    for (size_t i = 0; i < COUNT_OF(whole); i++)
        for (size_t length = 1; length < strlen(whole[i]); length++)
            assert_false(is_utf8_copied(whole[i], length));
}

static void empty_text_and_nul_bytes_are_utf8(void **state)
{
    (void)state;
    assert_true(is_utf8_copied("", 0));
    assert_true(is_utf8_copied("a\0b", 3));
}

/* Forms */

static void assert_nfc(const char *text, const char *expected)
{
    char *nfc = text_nfc(text);
    assert_non_null(nfc);
    assert_string_equal(nfc, expected);
    free(nfc);
}

static void nfc_composes(void **state)
{
    (void)state;
    assert_nfc("", "");
    assert_nfc("Anna", "Anna");
    assert_nfc("Zoe\xCC\x88", "Zo\xC3\xAB");
    assert_nfc("\xD0\xB8\xCC\x86", "\xD0\xB9");
    assert_null(text_nfc("a\xFF"));
    assert_null(text_nfc("\xED\xA0\x80"));
}

static void assert_same_folded(const char *one, const char *other, bool same)
{
    char *a = text_casefold(one), *b = text_casefold(other);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(strcmp(a, b) == 0, same);
    free(a);
    free(b);
}

static void casefold_forgets_case_and_nothing_else(void **state)
{
    (void)state;
    assert_same_folded("Bob@Example.COM", "bob@example.com", true);
    assert_same_folded("\xD0\x90\xD0\x91", "\xD0\xB0\xD0\xB1", true);
    assert_same_folded("STRASSE",
                       "stra\xC3\x9F"
                       "e",
                       true);
    assert_same_folded("\xC3\x84", "a\xCC\x88", true);
    assert_same_folded("bob", "bobo", false);
    assert_same_folded("\xC3\xA4", "a", false);
    assert_null(text_casefold("a\xC3"));
}

static void code_points_are_counted_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(text_code_points(""), 0);
    assert_int_equal(text_code_points("abc"), 3);
    assert_int_equal(text_code_points("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"), 3);
}

/* Numbers and times */

static void the_columns_of_a_terminal_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t columns;
    } texts[] = {
        { "", 0 },
        { "Ann", 3 },
        { "Zo\xC3\xAB", 3 },
        { "Zoe\xCC\x88", 3 },              /* combining */
        { "\xE6\x97\xA5\xE6\x9C\xAC", 4 }, /* two wide characters */
        { "\xF0\x9F\x98\x80!", 3 },        /* an emoji */
        { "\xE2\x9D\xA4\xEF\xB8\x8F", 1 }, /* a variation selector */
        { "a\xFFz", 3 },                   /* not UTF-8 */
        { "\xE6\x97", 2 },                 /* cut short */
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(text_columns(texts[i].text), texts[i].columns);
}

static void whole_numbers_within_bounds_are_read(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_true(text_to_int("0", 0, 0, &value));
    assert_int_equal(value, 0);
    assert_true(text_to_int("-5", -5, 5, &value));
    assert_int_equal(value, -5);
    assert_true(text_to_int("9223372036854775807", INT64_MIN, INT64_MAX, &value));
    assert_true(value == INT64_MAX);
    assert_true(text_to_int("-9223372036854775808", INT64_MIN, INT64_MAX, &value));
    assert_true(value == INT64_MIN);
    assert_false(text_to_int("-6", -5, 5, &value));
    assert_false(text_to_int("6", -5, 5, &value));
    assert_false(text_to_int("9223372036854775808", INT64_MIN, INT64_MAX, &value));
    assert_false(text_to_int("-9223372036854775809", INT64_MIN, INT64_MAX, &value));
}

static void anything_else_is_no_number(void **state)
{
    (void)state;
    static const char *const bad[] = { "",    "-",   "+5",  " 5",  "5 ",  "5x",  "0x10",
                                       "1e3", "1.0", "- 5", "--5", "\t5", "5\n", "five" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t value = 77;
        assert_false(text_to_int(bad[i], -100, 100, &value));
        assert_int_equal(value, 77);
    }
}

static void durations_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {
        { "1", 1 },
        { "45s", 45 },
        { "30m", 1800 },
        { "72h", 259200 },
        { "2 days", 172800 },
        { "1 week", 604800 },
        { "1 day", 86400 },
        { "3600", 3600 },
        { "3650d", 315360000 },
        { "315360000", 315360000 },
        { "2 hours", 7200 },
        { "1 minute", 60 },
        { "87600h", 315360000 },
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        int64_t seconds = 0;
        if (!text_to_seconds(good[i].text, &seconds))
            fail_msg("\"%s\" refused", good[i].text);
        assert_int_equal(seconds, good[i].seconds);
    }
}

static void other_durations_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "0",
                                       "0h",
                                       "-1h",
                                       "+1h",
                                       "h",
                                       " 1h",
                                       "1.5h",
                                       "1h30m",
                                       "1 month",
                                       "1 fortnight",
                                       "3651d",
                                       "315360001",
                                       "87601h",
                                       "522w",
                                       "soon",
                                       "1hh",
                                       "9223372036854775807",
                                       "18446744073709551617",
                                       "99999999999999999999999",
                                       "1e3",
                                       "9223372036854775807w",
                                       "\xD9\xA1h" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t seconds = 77;
        if (text_to_seconds(bad[i], &seconds))
            fail_msg("\"%s\" accepted", bad[i]);
        assert_int_equal(seconds, 77);
    }
}

static void dates_are_iso_with_milliseconds(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *date;
    } dates[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { 1603717537971, "2020-10-26T13:05:37.971Z" },
        { 951782400007, "2000-02-29T00:00:00.007Z" },
        { 4102444799999, "2099-12-31T23:59:59.999Z" },
        { 253402300799999, "9999-12-31T23:59:59.999Z" },
    };
    for (size_t i = 0; i < COUNT_OF(dates); i++) {
        char out[TEXT_DATE_SIZE];
        text_iso_date(dates[i].ms, out);
        assert_string_equal(out, dates[i].date);
    }
}

static void only_ascii_letters_are_lowered(void **state)
{
    (void)state;
    char text[] = "@[AZ`az{09_\xC3\x84";
    text_lower_ascii(text);
    assert_string_equal(text, "@[az`az{09_\xC3\x84");
}

static void control_characters_of_ascii_are_found(void **state)
{
    (void)state;
    static const char *const without[] = { "", " ", "~", "a b", "\xC3\xBC", "\xC2\x85" };
    static const char *const with[] = { "\x01", "a\n", "\t", "\x1F", "\x7F", "\xC3\xBC\r" };
    for (size_t i = 0; i < COUNT_OF(without); i++)
        assert_false(text_has_control(without[i]));
    for (size_t i = 0; i < COUNT_OF(with); i++)
        assert_true(text_has_control(with[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_but_the_surrogates_is_utf8),
        cmocka_unit_test(code_points_above_the_last_are_not_utf8),
        cmocka_unit_test(malformed_sequences_are_not_utf8),
        cmocka_unit_test(a_sequence_cut_short_is_not_utf8),
        cmocka_unit_test(empty_text_and_nul_bytes_are_utf8),
        cmocka_unit_test(nfc_composes),
        cmocka_unit_test(casefold_forgets_case_and_nothing_else),
        cmocka_unit_test(code_points_are_counted_not_bytes),
        cmocka_unit_test(the_columns_of_a_terminal_are_counted),
        cmocka_unit_test(whole_numbers_within_bounds_are_read),
        cmocka_unit_test(anything_else_is_no_number),
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(other_durations_are_refused),
        cmocka_unit_test(dates_are_iso_with_milliseconds),
        cmocka_unit_test(only_ascii_letters_are_lowered),
        cmocka_unit_test(control_characters_of_ascii_are_found),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
