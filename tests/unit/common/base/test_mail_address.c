/* services/common/base/mail_address: which addresses mail can be sent to. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "services/common/base/mail_address.h"

static void usual_addresses_are_good(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a@b.c", "Ada.Lovelace+chat@example.co.uk",   "o'hara@x-y.example", "!#$%&'*+-/=?^_`{|}~@a",
        "1@2.3", "j\xC3\xB6rg@m\xC3\xBCller.example",
    };
    for (size_t i = 0; i < COUNT_OF(good); i++)
        if (!mail_address_is_valid(good[i]))
            fail_msg("\"%s\" refused", good[i]);
}

static void what_could_be_another_command_or_field_is_not(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        "@",        "a",           "a@",        "@b.c",     "a@@b.c",
        "a@b@c.d", "a b@c.d",  "a@b c.d",     " a@b.c",    "a@b.c ",   "a@b.c\r\nBcc: d@e.f",
        "a\n@b.c", "a\r@b.c",  "a\t@b.c",     "a@b.c\x7f", "<a@b.c>",  "a@b.c>",
        "a>@b.c",  "a,b@c.d",  "a@b.c,d@e.f", "a;b@c.d",   "a:b@c.d",  "\"a\"@b.c",
        "a\\@b.c", "(a)b@c.d", "a@[1.2.3.4]", ".a@b.c",    "a.@b.c",   "a..b@c.d",
        "a@.b.c",  "a@b..c",   "a@b.c.",      "a@-b.c",    "a@b-.c",   "a@b.-c",
        "a@b.c-",  "a@b_c.d",  "a@b.c/d",     "a\xff@b.c", "a@b.\xC3",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (mail_address_is_valid(bad[i]))
            fail_msg("\"%s\" accepted", bad[i]);
}

/* Repeats "a" and such a separator. */
static void make(char *out, size_t local, size_t label, size_t labels)
{
    size_t n = 0;
    for (size_t i = 0; i < local; i++)
        out[n++] = 'a';
    out[n++] = '@';
    for (size_t l = 0; l < labels; l++) {
        if (l > 0)
            out[n++] = '.';
        for (size_t i = 0; i < label; i++)
            out[n++] = 'b';
    }
    out[n] = '\0';
}

static void each_part_has_a_length(void **state)
{
    (void)state;
    char address[512];
    make(address, 64, 63, 1);
    assert_true(mail_address_is_valid(address));
    make(address, 65, 63, 1);
    assert_false(mail_address_is_valid(address));
    make(address, 64, 64, 1);
    assert_false(mail_address_is_valid(address));
    make(address, 64, 37, 5); /* 64 + 1 + 189 */
    assert_int_equal(strlen(address), 254);
    assert_true(mail_address_is_valid(address));
    make(address, 62, 63, 3);
    assert_int_equal(strlen(address), 254);
    assert_true(mail_address_is_valid(address));
    make(address, 63, 63, 3);
    assert_false(mail_address_is_valid(address));
}

static void the_domain_follows_the_sign(void **state)
{
    (void)state;
    assert_string_equal(mail_address_domain("ada@chat.example.org"), "chat.example.org");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_addresses_are_good),
        cmocka_unit_test(what_could_be_another_command_or_field_is_not),
        cmocka_unit_test(each_part_has_a_length),
        cmocka_unit_test(the_domain_follows_the_sign),
    };
    return cmocka_run_group_tests_name("mail_address", tests, NULL, NULL);
}
