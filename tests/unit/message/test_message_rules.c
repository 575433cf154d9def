/* services/message/message_rules: what a message may be. */
#include "tests/unit/unit.h"

#include <string.h>

#include "services/message/message_rules.h"

static void text_has_1_byte_to_16_kib(void **state)
{
    (void)state;
    static char text[MESSAGE_TEXT_MAX + 2];
    assert_non_null(strstr(message_rules_check_text(""), "text"));
    assert_null(message_rules_check_text("x"));
    memset(text, 'x', MESSAGE_TEXT_MAX);
    assert_null(message_rules_check_text(text));
    text[MESSAGE_TEXT_MAX] = 'x';
    assert_non_null(strstr(message_rules_check_text(text), "text"));
}

static void text_is_utf8_of_any_kind(void **state)
{
    (void)state;
    assert_null(message_rules_check_text(" "));
    assert_null(message_rules_check_text("\n\t\x01<script>"));
    assert_null(message_rules_check_text("\xF0\x9F\x98\x8D"));
    assert_non_null(message_rules_check_text("\xFF"));
    assert_non_null(message_rules_check_text("a\xC3"));
    assert_non_null(message_rules_check_text("\xED\xA0\x80"));
}

static void a_client_id_has_at_most_64_characters(void **state)
{
    (void)state;
    char id[4 * 65 + 1] = "";
    assert_null(message_rules_check_client_id(""));
    for (int i = 0; i < 64; i++) {
        strcat(id, "\xF0\x9F\x98\x80");
        assert_null(message_rules_check_client_id(id));
    }
    strcat(id, "x");
    assert_non_null(strstr(message_rules_check_client_id(id), "clientMessageId"));
    assert_non_null(message_rules_check_client_id("a\xFF"));
}

static void a_range_is_upward_and_has_at_most_1000_entries(void **state)
{
    (void)state;
    assert_null(message_rules_check_range(0, 1));
    assert_null(message_rules_check_range(0, MESSAGE_PAGE_MAX));
    assert_null(message_rules_check_range(5000, 5000 + MESSAGE_PAGE_MAX));
    assert_null(message_rules_check_range(UINT32_MAX - 1, UINT32_MAX));
    assert_non_null(message_rules_check_range(0, 0));
    assert_non_null(message_rules_check_range(7, 7));
    assert_non_null(message_rules_check_range(7, 6));
    assert_non_null(message_rules_check_range(UINT32_MAX, 0));
    assert_non_null(message_rules_check_range(0, MESSAGE_PAGE_MAX + 1));
    assert_non_null(message_rules_check_range(0, UINT32_MAX));
    assert_non_null(strstr(message_rules_check_range(1, 1), "endIndex"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_has_1_byte_to_16_kib),
        cmocka_unit_test(text_is_utf8_of_any_kind),
        cmocka_unit_test(a_client_id_has_at_most_64_characters),
        cmocka_unit_test(a_range_is_upward_and_has_at_most_1000_entries),
    };
    return cmocka_run_group_tests_name("message_rules", tests, NULL, NULL);
}
