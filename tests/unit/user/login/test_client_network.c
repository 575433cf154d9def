/* services/user/login/client_network: what a gateway passes on, which may be anything. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/user/login/client_network.h"

static void an_ipv4_address_is_a_network(void **state)
{
    (void)state;
    static const char *const texts[] = { "192.0.2.3", "127.0.0.1", "0.0.0.0", "255.255.255.255" };
    struct client_network network;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_true(client_network_parse(texts[i], &network));
        assert_string_equal(network.name, texts[i]);
        assert_string_equal(network.site, "");
    }
}

static void an_ipv6_network_has_a_site(void **state)
{
    (void)state;
    static const struct {
        const char *text, *site;
    } cases[] = {
        { "2001:db8:1:2::/64", "2001:db8:1::/48" },
        { "2001:db8:0:1::/64", "2001:db8::/48" },
        { "2001:db8::/64", "2001:db8::/48" },
        { "fe80::/64", "fe80::/48" },
        { "::/64", "::/48" },
        { "ffff:ffff:ffff:ffff::/64", "ffff:ffff:ffff::/48" },
    };
    struct client_network network;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(client_network_parse(cases[i].text, &network));
        assert_string_equal(network.name, cases[i].text);
        assert_string_equal(network.site, cases[i].site);
    }
}

static void a_gateway_that_passes_on_nothing_is_accepted(void **state)
{
    (void)state;
    struct client_network network;
    assert_true(client_network_parse("", &network));
    assert_string_equal(network.name, "");
    assert_string_equal(network.site, "");
}

/* Else one client would have many names. */
static void any_other_text_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "192.0.2.3:1",
        "192.0.2.3/32",
        "192.0.2.0/24",
        "192.0.2",
        "192.0.2.003",
        " 192.0.2.3",
        "192.0.2.3 ",
        "192.0.2.256",
        "::ffff:192.0.2.3",
        "::ffff:192.0.2.3/64",
        "::ffff:0:0/64",
        "2001:db8:1:2::",
        "2001:db8:1:2::/48",
        "2001:db8:1:2::/063",
        "2001:db8:1:2::/64 ",
        "2001:db8:1:2::/64/64",
        "2001:db8:1:2::3/64",
        "2001:DB8:1:2::/64",
        "2001:0db8:1:2::/64",
        "2001:db8:1:2:0:0:0:0/64",
        "[2001:db8:1:2::]/64",
        "fe80::%eth0/64",
        "/64",
        "localhost",
        "\xff\xfe",
        "192.0.2.3\n",
    };
    struct client_network network;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        memset(&network, 'x', sizeof(network));
        assert_false(client_network_parse(texts[i], &network));
        assert_string_equal(network.name, "");
        assert_string_equal(network.site, "");
    }
}

static void a_text_of_any_length_is_refused(void **state)
{
    (void)state;
    struct client_network network;
    size_t lengths[] = { CLIENT_NETWORK_SIZE - 1, CLIENT_NETWORK_SIZE, 1000000 };
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        char *text = malloc(lengths[i] + 1);
        assert_non_null(text);
        memset(text, '1', lengths[i]);
        text[lengths[i]] = '\0';
        assert_false(client_network_parse(text, &network));
        memcpy(text, "::/", 3);
        assert_false(client_network_parse(text, &network));
        free(text);
    }
}

static void the_network_of_an_address_in_any_form_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *text, *address, *network;
    } cases[] = {
        { "192.0.2.3", "192.0.2.3", "192.0.2.3" },
        { "::ffff:192.0.2.3", "192.0.2.3", "192.0.2.3" },
        { "::FFFF:c000:0203", "192.0.2.3", "192.0.2.3" },
        { "2001:DB8:0:1:0:0:0:5", "2001:db8:0:1::5", "2001:db8:0:1::/64" },
        { "::1", "::1", "::/64" },
        { "2001:db8:0:1::/64", "2001:db8:0:1::/64", "" },
        { "192.0.2", "192.0.2", "" },
        { "", "", "" },
        { "a text that is longer than any address can be, and so is cut off at its end",
          "a text that is longer than any address can be, and so is cut of", "" },
    };
    char address[CLIENT_NETWORK_SIZE], network[CLIENT_NETWORK_SIZE];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        client_network_of(cases[i].text, address, network);
        assert_string_equal(address, cases[i].address);
        assert_string_equal(network, cases[i].network);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv4_address_is_a_network),
        cmocka_unit_test(an_ipv6_network_has_a_site),
        cmocka_unit_test(a_gateway_that_passes_on_nothing_is_accepted),
        cmocka_unit_test(any_other_text_is_refused),
        cmocka_unit_test(a_text_of_any_length_is_refused),
        cmocka_unit_test(the_network_of_an_address_in_any_form_is_found),
    };
    return cmocka_run_group_tests_name("client_network", tests, NULL, NULL);
}
