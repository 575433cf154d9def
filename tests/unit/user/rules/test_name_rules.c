/* services/user/rules/name_rules: which names of which scripts are accepted. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/text.h"
#include "services/user/rules/name_joining.h"
#include "services/user/rules/name_rules.h"

struct example {
    const char *what;
    const char *name;
};

static const struct example good[] = {
    { "Sinhala, with a joiner", "\u0DC1\u0DCA\u200D\u0DBB\u0DD3" },
    { "Sinhala, two joiners", "\u0D9A\u0DCA\u200D\u0DBB\u0DD2\u0DC1\u0DCA\u200D\u0DBB" },
    { "Malayalam, a final joiner", "\u0D28\u0D4D\u200D" },
    { "Devanagari half form", "\u0915\u094D\u200D\u0937" },
    { "Persian", "\u0639\u0644\u06CC\u200C\u0631\u0636\u0627" },
    { "Persian, marks", "\u0645\u064E\u0647\u200C\u062F\u06CC" },
    { "Kannada, non-joiner", "\u0CB0\u0CBE\u0C9C\u0CCD\u200C\u0C95\u0CC1\u0CAE\u0CBE\u0CB0\u0CCD" },
    { "Vietnamese", "Nguy\u1EC5n Th\u1EBF" },
    { "Hebrew with points", "\u05E9\u05B8\u05C1\u05DC\u05D5\u05B9\u05DD" },
    { "Hebrew, accents",
      "\u05D1\u05B0\u05BC\u05E8\u05B5\u05D0\u05E9\u05B4\u05C1\u0596\u05D9\u05EA" },
    { "Thai", "\u0E19\u0E49\u0E33\u0E1D\u0E19" },
    { "Tibetan", "\u0F56\u0F62\u0F92\u0FB1\u0F74\u0F51" },
    { "Burmese", "\u101C\u103B\u103E\u102D\u102F\u1037" },
    { "Bengali", "\u09B6\u09CD\u09B0\u09C0" },
    { "Tamil", "\u0BB8\u0BCD\u0BB0\u0BC0" },
    { "Khmer", "\u179F\u17D2\u179A\u17B8" },
    { "Korean", "\uD55C\uACB0" },
    { "Korean, decomposed", "\u1112\u1161\u11AB" },
    { "Han with a variation", "\u845B\U000E0100\u57CE" },
    { "Han, standard variation", "\u8FBB\uFE00" },
    { "Mongolian", "\u182E\u1823\u1829\u180B\u182D\u1823\u182F" },
    { "N'Ko", "\u07D2\u07DE\u07CF" },
    { "Adlam", "\U0001E900\U0001E901" },
    { "Arabic with tanwin", "\u0645\u064F\u062D\u064E\u0645\u064E\u0651\u062F\u064C" },
    { "Georgian", "\u10D2\u10D8\u10DD\u10E0\u10D2\u10D8" },
    { "Ge'ez", "\u12A0\u1260\u1260" },
    { "Cherokee", "\u13E3\u13B3\u13A9" },
    { "Irish", "O\u2019Neill" },
    { "four marks", "a\u0323\u0302\u0301\u0300" },
};

static const struct example bad[] = {
    { "Hangul filler", "\u3164" },
    { "choseong filler", "\u115F" },
    { "jungseong filler", "\u1160" },
    { "halfwidth filler", "\uFFA0" },
    { "fillers", "\u3164\u3164" },
    { "letter and filler", "a\u3164" },
    { "filler in Korean", "\uD55C\u1160" },
    { "grapheme joiner", "a\u034Fb" },
    { "grapheme joiner alone", "\u034F" },
    { "variation selector alone", "\uFE0F" },
    { "variation selector on Latin", "a\uFE0F" },
    { "two selectors", "\u845B\U000E0100\U000E0101" },
    { "selector on kana", "\u3042\uFE00" },
    { "Mongolian selector on Han", "\u845B\u180B" },
    { "right-to-left override", "a\u202Eb" },
    { "left-to-right mark", "a\u200E" },
    { "Arabic letter mark", "\u0639\u061C\u0639" },
    { "isolate", "a\u2066b\u2069" },
    { "soft hyphen", "a\u00ADb" },
    { "word joiner", "a\u2060b" },
    { "zero width space", "a\u200Bb" },
    { "byte order mark", "a\uFEFF" },
    { "Khmer inherent vowel", "\u1780\u17B4" },
    { "tag characters", "a\U000E0061" },
    { "joiner between Latin", "a\u200Db" },
    { "non-joiner between Latin", "a\u200Cb" },
    { "joiner first", "\u200D\u0DC1" },
    { "joiner alone", "\u200D" },
    { "non-joiner last", "\u0639\u0644\u06CC\u200C" },
    { "two non-joiners", "\u0639\u0644\u06CC\u200C\u200C\u0631\u0636\u0627" },
    { "non-joiner after a letter that does not join", "\u062F\u200C\u0631" },
    { "two joiners", "\u0DC1\u0DCA\u200D\u200D\u0DBB" },
    { "joiner without virama", "\u0DC1\u200D\u0DBB" },
    { "joiner before a vowel", "\u0D9A\u0DCA\u200D\u0DCF" },
    { "non-joiner after virama at the end", "\u0C9C\u0CCD\u200C" },
    { "joiner after a space", "\u0D85 \u200D\u0D9A" },
    { "emoji sequence", "\U0001F469\u200D\U0001F469" },
    { "same mark twice", "a\u0301\u0301" },
    { "same mark twice, composed", "\u00E1\u0301" },
    { "five marks", "a\u0323\u0302\u0301\u0300\u0306" },
    { "five marks, composed", "\u1EAD\u0301\u0300\u0306" },
    { "seven with spacing marks", "\u1000\u103B\u102B\u103C\u1031\u1038\u1062\u1083" },
    { "many marks",
      "Z\u0300\u0301\u0300\u0301\u0300\u0301\u0300\u0301\u0300\u0301\u0300\u0301\u0300\u0301\u0300"
      "\u0301\u0300\u0301\u0300\u0301\u0300\u0301\u0300\u0301\u0300\u0301\u0300\u0301\u0300\u0301"
      "\u0300\u0301\u0300\u0301\u0300\u0301\u0300\u0301\u0300\u0301" },
    { "enclosing mark", "a\u20DD" },
    { "mark first", "\u0301a" },
    { "mark after hyphen", "a-\u0301b" },
    { "digit", "a1" },
    { "Arabic digit", "\u0639\u0661" },
    { "roman numeral", "\u2167" },
    { "private use", "\uE000" },
    { "unassigned", "\u0378" },
    { "noncharacter", "\uFDD0" },
    { "ideographic space", "\u674E\u3000\u660E" },
    { "braille blank", "\u2800" },
    { "music", "\u266B" },
};

static bool is_accepted(const char *name)
{
    char *nfc = text_nfc(name);
    assert_non_null(nfc);
    bool accepted = name_rules_accept(nfc);
    free(nfc);
    return accepted;
}

static void names_as_scripts_need_them_are_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        if (!is_accepted(good[i].name))
            fail_msg("refused: %s: %s", good[i].what, good[i].name);
}

static void names_that_are_not_seen_or_cover_others_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (is_accepted(bad[i].name))
            fail_msg("accepted: %s: %s", bad[i].what, bad[i].name);
}

/* Each is accepted with a Latin part before and after it, too. */
static void the_rules_hold_for_each_part(void **state)
{
    (void)state;
    char name[512];
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        snprintf(name, sizeof(name), "Anna-%s Maria", good[i].name);
        if (!is_accepted(name))
            fail_msg("refused as a part: %s", good[i].what);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        snprintf(name, sizeof(name), "Anna-%s Maria", bad[i].name);
        if (is_accepted(name))
            fail_msg("accepted as a part: %s", bad[i].what);
    }
}

static void letters_join_as_their_script_has_it(void **state)
{
    (void)state;
    assert_true(name_joining_forwards(0x0628) && name_joining_backwards(0x0628)); /* beh */
    assert_false(name_joining_forwards(0x062F));                                  /* dal */
    assert_true(name_joining_backwards(0x062F));
    assert_false(name_joining_forwards(0x0621) || name_joining_backwards(0x0621)); /* hamza */
    assert_true(name_joining_forwards(0xA872));                                    /* Phags-pa, L */
    assert_false(name_joining_forwards('a') || name_joining_backwards('a'));
    assert_false(name_joining_forwards(0) || name_joining_backwards(0x200C));
    assert_true(name_joining_forwards(0x1E900));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_as_scripts_need_them_are_accepted),
        cmocka_unit_test(names_that_are_not_seen_or_cover_others_are_refused),
        cmocka_unit_test(the_rules_hold_for_each_part),
        cmocka_unit_test(letters_join_as_their_script_has_it),
    };
    return cmocka_run_group_tests_name("name_rules", tests, NULL, NULL);
}
