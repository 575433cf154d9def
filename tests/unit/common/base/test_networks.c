/* services/common/base/networks: lists of addresses and ranges. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "services/common/base/networks.h"

static bool is_in(const char *list, const char *address)
{
    char bad[NETWORKS_ENTRY_SIZE];
    struct networks *networks = networks_parse(list, bad);

    if (networks == NULL)
        fail_msg("%s: %s is bad", list, bad);
    bool contains = networks_contain(networks, address);
    networks_destroy(&networks);
    assert_null(networks);
    return contains;
}

static void an_address_matches_itself_and_no_other(void **state)
{
    (void)state;
    assert_true(is_in("127.0.0.1", "127.0.0.1"));
    assert_false(is_in("127.0.0.1", "127.0.0.2"));
    assert_true(is_in("::1", "::1"));
    assert_true(is_in("::1", "0:0:0:0:0:0:0:1"));
    assert_false(is_in("::1", "::2"));
    assert_false(is_in("", "127.0.0.1"));
    assert_false(is_in(" , ", "::1"));
}

static void a_list_has_commas_and_spaces(void **state)
{
    (void)state;
    static const char list[] = " 10.0.0.1,192.168.0.0/16 , ::1,,fd00::/8";
    assert_true(is_in(list, "10.0.0.1"));
    assert_true(is_in(list, "192.168.255.255"));
    assert_true(is_in(list, "::1"));
    assert_true(is_in(list, "fdff::1"));
    assert_false(is_in(list, "10.0.0.2"));
    assert_false(is_in(list, "fe00::1"));
}

static void a_range_ends_at_its_bits(void **state)
{
    (void)state;
    static const struct {
        const char *range, *in, *in_too, *out, *out_too;
    } rows[] = {
        { "10.0.0.0/8", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0" },
        { "10.1.2.3/8", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0" },
        { "172.16.0.0/12", "172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0" },
        { "192.0.2.4/31", "192.0.2.4", "192.0.2.5", "192.0.2.3", "192.0.2.6" },
        { "192.0.2.4/32", "192.0.2.4", "::ffff:192.0.2.4", "192.0.2.5", "192.0.2.3" },
        { "0.0.0.0/0", "0.0.0.0", "255.255.255.255", "::", "fd00::1" },
        { "fd00::/7", "fc00::", "fdff:ffff::1", "fe00::", "fbff::" },
        { "2001:db8:0:1::/64", "2001:db8:0:1::", "2001:db8:0:1:ffff::1", "2001:db8::1",
          "2001:db8:0:2::" },
        { "2001:db8::4/127", "2001:db8::4", "2001:db8::5", "2001:db8::3", "2001:db8::6" },
        { "::/0", "::", "ffff::1", "10.0.0.1", "::ffff:10.0.0.1" },
        { "::ffff:10.0.0.0/104", "10.0.0.1", "::ffff:10.1.0.1", "11.0.0.1", "::" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (!is_in(rows[i].range, rows[i].in) || !is_in(rows[i].range, rows[i].in_too) ||
            is_in(rows[i].range, rows[i].out) || is_in(rows[i].range, rows[i].out_too))
            fail_msg("%s", rows[i].range);
}

static void an_invalid_address_is_in_no_range(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "x", "10.0.0", "10.0.0.1 ", "10.0.0.1/32", "::g" };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_false(is_in("0.0.0.0/0, ::/0", texts[i]));
        assert_false(networks_is_address(texts[i]));
    }
    assert_true(networks_is_address("10.0.0.1"));
    assert_true(networks_is_address("::ffff:10.0.0.1"));
}

static void a_bad_entry_is_named(void **state)
{
    (void)state;
    static const char *const entries[] = { "proxy",       "10.0.0",      "10.0.0.0/33",
                                           "10.0.0.0/",   "10.0.0.0/-1", "::/129",
                                           "::1/x",       "10.0.0.256",  "/8",
                                           "10.0.0.0/8/8" };
    for (size_t i = 0; i < COUNT_OF(entries); i++) {
        char list[80], bad[NETWORKS_ENTRY_SIZE];
        snprintf(list, sizeof(list), "127.0.0.1, %s,::1", entries[i]);
        struct networks *networks = networks_parse(list, bad);
        if (networks != NULL)
            fail_msg("%s", entries[i]);
        assert_string_equal(bad, entries[i]);
    }
}

static void an_entry_may_be_63_bytes_and_no_more(void **state)
{
    (void)state;
    char entry[NETWORKS_ENTRY_SIZE + 1], bad[NETWORKS_ENTRY_SIZE];
    memset(entry, '1', sizeof(entry));
    entry[NETWORKS_ENTRY_SIZE] = '\0';
    assert_null(networks_parse(entry, bad));
    assert_int_equal(strlen(bad), NETWORKS_ENTRY_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_matches_itself_and_no_other),
        cmocka_unit_test(a_list_has_commas_and_spaces),
        cmocka_unit_test(a_range_ends_at_its_bits),
        cmocka_unit_test(an_invalid_address_is_in_no_range),
        cmocka_unit_test(a_bad_entry_is_named),
        cmocka_unit_test(an_entry_may_be_63_bytes_and_no_more),
    };
    return cmocka_run_group_tests_name("networks", tests, NULL, NULL);
}
