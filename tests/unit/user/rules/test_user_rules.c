/* services/user/rules/user_rules: what a field of a user may hold. */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "services/user/rules/user_rules.h"

static bool is_name(const char *name)
{
    char nfc[USER_NAME_SIZE] = "untouched";
    const char *problem = user_rules_check_name("firstName", name, nfc);
    if (problem != NULL) {
        assert_non_null(strstr(problem, "firstName"));
        assert_string_equal(nfc, "untouched");
    }
    return problem == NULL;
}

static bool is_email(const char *email)
{
    char key[USER_EMAIL_SIZE] = "untouched";
    const char *problem = user_rules_check_email(email, key);
    if (problem != NULL) {
        assert_non_null(strstr(problem, "email"));
        assert_string_equal(key, "untouched");
    }
    return problem == NULL;
}

/* `length` times the character, in UTF-8. */
static void repeat(char *out, const char *character, size_t times)
{
    *out = '\0';
    for (size_t i = 0; i < times; i++)
        strcat(out, character);
}

static void names_of_the_original_and_of_all_scripts_are_accepted(void **state)
{
    (void)state;
    static const char *const good[] = { "Sergey",
                                        "Ivanov",
                                        "\xD0\x98\xD0\xB2\xD0\xB0\xD0\xBD",
                                        "a",
                                        "anna",
                                        "Anna Maria",
                                        "Jean-Luc",
                                        "O'Neill",
                                        "O\xE2\x80\x99Neill",
                                        "J. R.",
                                        "Jr.",
                                        "St. John",
                                        "Zo\xC3\xAB",
                                        "Zoe\xCC\x88",
                                        "\xE6\x9D\x8E",
                                        "\xD9\x85\xD8\xAD\xD9\x85\xD8\xAF",
                                        "\xE0\xA4\xB0\xE0\xA4\xBE\xE0\xA4\xAE",
                                        "McDonald",
                                        "van der Berg" };
    for (size_t i = 0; i < COUNT_OF(good); i++)
        if (!is_name(good[i]))
            fail_msg("refused: %s", good[i]);
}

static void other_names_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       " ",
                                       "123",
                                       "A1",
                                       "1A",
                                       " Anna",
                                       "Anna ",
                                       "Anna  Maria",
                                       "-Anna",
                                       "Anna-",
                                       "'Anna",
                                       "Anna'",
                                       "An--na",
                                       "An-'na",
                                       "An- na",
                                       ".Anna",
                                       "A..",
                                       "A.-B",
                                       "Anna\n",
                                       "An\tna",
                                       "<b>",
                                       "Anna!",
                                       "@anna",
                                       "a_b",
                                       "\xF0\x9F\x98\x80",
                                       "Anna\xE2\x80\x8B",
                                       "\xCC\x81"
                                       "a",
                                       "An\xC2\xA0na",
                                       "a\xFF",
                                       "\xC3",
                                       "\xE2\x80\xAE"
                                       "Anna",
                                       "Anna \xCC\x81",
                                       "a,b",
                                       "a/b" };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (is_name(bad[i]))
            fail_msg("accepted: %s", bad[i]);
}

static void names_have_1_to_64_characters(void **state)
{
    (void)state;
    static const char *const characters[] = { "a", "\xD0\x9F", "\xE6\x9D\x8E", "\xF0\xA0\x80\x80" };
    char name[4096];
    for (size_t i = 0; i < COUNT_OF(characters); i++) {
        repeat(name, characters[i], 1);
        assert_true(is_name(name));
        repeat(name, characters[i], 64);
        assert_true(is_name(name));
        repeat(name, characters[i], 65);
        assert_false(is_name(name));
        repeat(name, characters[i], 1000);
        assert_false(is_name(name));
    }
}

static void names_are_stored_composed(void **state)
{
    (void)state;
    char nfc[USER_NAME_SIZE];
    assert_null(user_rules_check_name("lastName", "Zoe\xCC\x88", nfc));
    assert_string_equal(nfc, "Zo\xC3\xAB");
    char decomposed[4096];
    repeat(decomposed, "e\xCC\x88", 64);
    assert_null(user_rules_check_name("lastName", decomposed, nfc));
    assert_int_equal(strlen(nfc), 128);
}

static void the_field_is_named(void **state)
{
    (void)state;
    char nfc[USER_NAME_SIZE];
    assert_non_null(strstr(user_rules_check_name("lastName", "1", nfc), "lastName"));
    assert_non_null(strstr(user_rules_check_tag("bob"), "tag"));
    assert_non_null(strstr(user_rules_check_password("password", "x", 8), "password"));
    assert_null(user_rules_check_tag("@bob"));
}

static void emails_have_the_form_x_at_y_dot_z(void **state)
{
    (void)state;
    static const char *const good[] = { "x@y.z",
                                        "email@example.com",
                                        "A.B+c@sub.example.co.uk",
                                        "\xD0\xB8@\xD0\xBF.\xD1\x80\xD1\x84",
                                        "o'hara@x.y",
                                        "\"q\"@x.y" };
    static const char *const bad[] = { "",
                                       "x",
                                       "x@",
                                       "@y.z",
                                       "x@y",
                                       "x@.z",
                                       "x@y.",
                                       "@",
                                       "x@@y.z",
                                       "x@y@z.w",
                                       "x y@z.w",
                                       " x@y.z",
                                       "x@y.z ",
                                       "x@y .z",
                                       "x\n@y.z",
                                       "x@y.z\r\n",
                                       "x@y.\tz",
                                       "x\xC2\xA0@y.z",
                                       "x@y.z\xE2\x80\x8B",
                                       "x\x7F@y.z",
                                       "x@y\xFF.z",
                                       "x@y.z\xE2\x80\xA8" };
    for (size_t i = 0; i < COUNT_OF(good); i++)
        if (!is_email(good[i]))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (is_email(bad[i]))
            fail_msg("accepted: %s", bad[i]);
}

static void emails_have_at_most_254_bytes(void **state)
{
    (void)state;
    char email[512];
    repeat(email, "x", 250);
    strcat(email, "@y.z");
    assert_int_equal(strlen(email), 254);
    assert_true(is_email(email));
    repeat(email, "x", 251);
    strcat(email, "@y.z");
    assert_false(is_email(email));
}

static void emails_that_differ_in_case_only_have_one_key(void **state)
{
    (void)state;
    char one[USER_EMAIL_SIZE], other[USER_EMAIL_SIZE];
    assert_null(user_rules_check_email("Bob@Example.COM", one));
    assert_null(user_rules_check_email("bOB@eXAMPLE.com", other));
    assert_string_equal(one, other);
    assert_string_equal(one, "bob@example.com");
    assert_null(user_rules_check_email("\xD0\x98@x.y", one));
    assert_null(user_rules_check_email("\xD0\xB8@x.y", other));
    assert_string_equal(one, other);
    assert_null(user_rules_check_email("bob2@example.com", other));
    assert_string_not_equal(one, other);
}

static void passwords_have_the_minimum_to_1024_bytes(void **state)
{
    (void)state;
    char password[1100];
    static const size_t min[] = { 1, 5, 8, 1024 };
    for (size_t i = 0; i < COUNT_OF(min); i++) {
        repeat(password, "p", min[i]);
        assert_null(user_rules_check_password("password", password, min[i]));
        repeat(password, "p", min[i] - 1);
        assert_non_null(user_rules_check_password("password", password, min[i]));
    }
    repeat(password, "p", 1024);
    assert_null(user_rules_check_password("password", password, 8));
    repeat(password, "p", 1025);
    assert_non_null(user_rules_check_password("password", password, 8));
}

static void a_password_is_prepared_as_an_opaque_string(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *prepared;
    } cases[] = { { "Pass Word", "Pass Word" },
                  { "m\xC3\xBCnchen", "m\xC3\xBCnchen" },
                  { "mu\xCC\x88nchen", "m\xC3\xBCnchen" },
                  { "a\xC2\xA0"
                    "b",
                    "a b" }, /* no-break space */
                  { "a\xE3\x80\x80"
                    "b",
                    "a b" }, /* ideographic space */
                  { "a\xE2\x80\x83"
                    "b",
                    "a b" }, /* em space */
                  { "  a  ", "  a  " },
                  { "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", "\xED\x95\x9C" }, /* Hangul */
                  { "\xE2\x84\xAB", "\xC3\x85" },                             /* Angstrom sign */
                  { "\xEF\xBC\xA1", "\xEF\xBC\xA1" },                         /* full width stays */
                  { "\xEF\xAC\x81", "\xEF\xAC\x81" },                         /* a ligature, too */
                  { "\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80" },
                  { "q\xCC\xA3\xCC\x87", "q\xCC\xA3\xCC\x87" },
                  { "q\xCC\x87\xCC\xA3", "q\xCC\xA3\xCC\x87" } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *prepared = user_rules_prepare_password(cases[i].typed);
        assert_non_null(prepared);
        assert_string_equal(prepared, cases[i].prepared);
        free(prepared);
    }
}

static void a_password_without_a_prepared_form_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "long enough\n",
                                       "\tlong enough",
                                       "long\x7F enough",
                                       "long\xC2\x85 enough",
                                       "long\xFF enough",
                                       "long enough\xC3" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_null(user_rules_prepare_password(bad[i]));
        assert_non_null(user_rules_check_password("password", bad[i], 1));
        assert_non_null(user_rules_check_password("password", bad[i], 0));
    }
}

/* Else the same password would be accepted from one keyboard and refused from another. */
static void a_password_is_measured_in_its_prepared_form(void **state)
{
    (void)state;
    char password[4096];
    assert_null(user_rules_check_password("password", "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC", 8));
    assert_null(user_rules_check_password("password", "u\xCC\x88u\xCC\x88u\xCC\x88u\xCC\x88", 8));
    assert_non_null(user_rules_check_password("password", "u\xCC\x88u\xCC\x88u\xCC\x88", 8));
    repeat(password, "u\xCC\x88", 512);
    assert_null(user_rules_check_password("password", password, 8));
    repeat(password, "u\xCC\x88", 513);
    assert_non_null(user_rules_check_password("password", password, 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_the_original_and_of_all_scripts_are_accepted),
        cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(names_have_1_to_64_characters),
        cmocka_unit_test(names_are_stored_composed),
        cmocka_unit_test(the_field_is_named),
        cmocka_unit_test(emails_have_the_form_x_at_y_dot_z),
        cmocka_unit_test(emails_have_at_most_254_bytes),
        cmocka_unit_test(emails_that_differ_in_case_only_have_one_key),
        cmocka_unit_test(passwords_have_the_minimum_to_1024_bytes),
        cmocka_unit_test(a_password_is_prepared_as_an_opaque_string),
        cmocka_unit_test(a_password_without_a_prepared_form_is_refused),
        cmocka_unit_test(a_password_is_measured_in_its_prepared_form),
    };
    return cmocka_run_group_tests_name("user_rules", tests, NULL, NULL);
}
