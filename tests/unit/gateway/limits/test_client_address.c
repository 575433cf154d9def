/* gateway/limits/client_address: whom X-Forwarded-For is believed. */
#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/limits/client_address.h"

#define PROXIES "10.0.0.0/8, ::1"

static void expect(const char *peer, const char *const *forwarded, size_t count, const char *wanted)
{
    char bad[NETWORKS_ENTRY_SIZE], address[CLIENT_ADDRESS_SIZE];
    struct networks *trusted = networks_parse(PROXIES, bad);

    client_address(trusted, peer, forwarded, count, address);
    networks_destroy(&trusted);
    if (strcmp(address, wanted) != 0)
        fail_msg("%s, %s: %s instead of %s", peer, count > 0 ? forwarded[0] : "-", address, wanted);
}

static void expect_one(const char *peer, const char *forwarded, const char *wanted)
{
    expect(peer, &forwarded, 1, wanted);
}

static void the_peer_is_the_client_without_a_header(void **state)
{
    (void)state;
    expect("10.0.0.1", NULL, 0, "10.0.0.1");
    expect("192.0.2.1", NULL, 0, "192.0.2.1");
}

static void the_header_of_an_untrusted_peer_is_ignored(void **state)
{
    (void)state;
    expect_one("192.0.2.1", "198.51.100.1", "192.0.2.1");
}

static void the_rightmost_untrusted_address_is_the_client(void **state)
{
    (void)state;
    expect_one("10.0.0.1", "198.51.100.1", "198.51.100.1");
    expect_one("10.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1");
    expect_one("10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1");
    expect_one("10.0.0.1", "203.0.113.9,198.51.100.1,10.9.9.9 , ::1", "198.51.100.1");
    expect_one("::1", "2001:db8::1", "2001:db8::1");
}

static void the_left_most_is_the_client_when_all_are_trusted(void **state)
{
    (void)state;
    expect_one("10.0.0.1", "10.0.0.7", "10.0.0.7");
    expect_one("10.0.0.1", "10.0.0.7, 10.0.0.2", "10.0.0.7");
}

static void an_invalid_address_ends_the_search(void **state)
{
    (void)state;
    expect_one("10.0.0.1", "unknown", "10.0.0.1");
    expect_one("10.0.0.1", "", "10.0.0.1");
    expect_one("10.0.0.1", " , ", "10.0.0.1");
    expect_one("10.0.0.1", "198.51.100.1, forged, 10.0.0.2", "10.0.0.2");
    expect_one("10.0.0.1", "198.51.100.1,, 10.0.0.2", "10.0.0.2");
    expect_one("10.0.0.1",
               "198.51.100.1, 111111111111111111111111111111111111111111111111111111111111111111",
               "10.0.0.1");
}

static void repeated_headers_are_one_list(void **state)
{
    (void)state;
    const char *forged_first[] = { "203.0.113.9", "198.51.100.1" };
    expect("10.0.0.1", forged_first, 2, "198.51.100.1");
    const char *through_two[] = { "203.0.113.9, 198.51.100.1", "10.0.0.3, 10.0.0.2" };
    expect("10.0.0.1", through_two, 2, "198.51.100.1");
}

static void an_entry_may_have_a_port_and_brackets(void **state)
{
    (void)state;
    expect_one("10.0.0.1", "192.0.2.3:1", "192.0.2.3");
    expect_one("10.0.0.1", "192.0.2.3:65535, 10.0.0.2:80", "192.0.2.3");
    expect_one("10.0.0.1", "[2001:db8::1]:443", "2001:db8::1");
    expect_one("10.0.0.1", "[2001:DB8:0:0::1]", "2001:db8::1");
    expect_one("10.0.0.1", "::ffff:192.0.2.3", "192.0.2.3");
    expect_one("10.0.0.1", "[::ffff:192.0.2.3]:9", "192.0.2.3");
    expect_one("10.0.0.1", "192.0.2.3, ::ffff:10.0.0.2", "192.0.2.3");
    expect_one("::ffff:10.0.0.1", "192.0.2.3", "192.0.2.3");
    static const char *const wrong[] = {
        "192.0.2.3:",       "192.0.2.3:a",    "192.0.2.3:123456", "[192.0.2.3]",  "[2001:db8::1",
        "[2001:db8::1]443", "[2001:db8::1]:", "[2001:db8::1]:x",  "2001:db8::1]", "[]",
        "fe80::1%eth0",     "192.0.2.3:1:2"
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        expect_one("10.0.0.1", wrong[i], "10.0.0.1");
}

static void a_network_of_ipv6_is_one_client(void **state)
{
    static const struct {
        const char *address, *group;
    } rows[] = {
        { "192.0.2.3", "192.0.2.3" },
        { "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
        { "2001:db8:1:2::", "2001:db8:1:2::/64" },
        { "2001:db8:1:3::1", "2001:db8:1:3::/64" },
        { "::1", "::/64" },
        { "", "" },
    };
    char group[CLIENT_ADDRESS_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        client_address_group(rows[i].address, group);
        assert_string_equal(group, rows[i].group);
    }
    assert_true(client_address_is_loopback("127.1.2.3"));
    assert_true(client_address_is_loopback("::1"));
    assert_false(client_address_is_loopback("128.0.0.1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_peer_is_the_client_without_a_header),
        cmocka_unit_test(the_header_of_an_untrusted_peer_is_ignored),
        cmocka_unit_test(the_rightmost_untrusted_address_is_the_client),
        cmocka_unit_test(the_left_most_is_the_client_when_all_are_trusted),
        cmocka_unit_test(an_invalid_address_ends_the_search),
        cmocka_unit_test(repeated_headers_are_one_list),
        cmocka_unit_test(an_entry_may_have_a_port_and_brackets),
        cmocka_unit_test(a_network_of_ipv6_is_one_client),
    };
    return cmocka_run_group_tests_name("client_address", tests, NULL, NULL);
}
