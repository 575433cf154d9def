/* services/messengerctl/doctor/doctor_hosts: hosts out of URLs, and the networks that reach them.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "services/common/base/clock.h"
#include "services/messengerctl/doctor/doctor_hosts.h"

static void the_host_of_a_url_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *url, *name;
        bool is_tls, has_login;
    } cases[] = {
        { "nats://host:4222", "host", false, false },
        { "host", "host", false, false },
        { "host:1", "host", false, false },
        { "tls://host", "host", true, false },
        { "TLS://host", "host", false, false },
        { "nats://ann:secret@host:4222", "host", false, true },
        { "nats://@host", "host", false, false },
        { "nats://a@b@host", "host", false, true },
        { "[::1]:4222", "::1", false, false },
        { "nats://ann@[2001:db8::1]", "2001:db8::1", false, true },
        { "2001:db8::1", "2001:db8::1", false, false },
        { "https://host/path@other", "host", false, false },
        { "https://host?x=://other", "host", false, false },
        { "http://[", "", false, false },
        { "nats://", "", false, false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *list = cases[i].url;
        struct doctor_host host;
        assert_true(doctor_hosts_next(&list, &host));
        assert_string_equal(host.name, cases[i].name);
        assert_int_equal(host.is_tls, cases[i].is_tls);
        assert_int_equal(host.has_login, cases[i].has_login);
        assert_false(doctor_hosts_next(&list, &host));
    }
}

static void a_list_ends(void **state)
{
    (void)state;
    const char *list = " ,nats://one:1,, tls://two/x three ,";
    static const char *const names[] = { "one", "two", "three" };
    struct doctor_host host;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_true(doctor_hosts_next(&list, &host));
        assert_string_equal(host.name, names[i]);
    }
    assert_false(doctor_hosts_next(&list, &host));
    list = "";
    assert_false(doctor_hosts_next(&list, &host));
}

static void a_long_name_is_truncated(void **state)
{
    (void)state;
    char url[1000];
    memset(url, 'h', sizeof(url));
    url[sizeof(url) - 1] = '\0';
    const char *list = url;
    struct doctor_host host;
    assert_true(doctor_hosts_next(&list, &host));
    assert_int_equal(strlen(host.name), DOCTOR_HOST_SIZE - 1);
}

static void an_address_belongs_to_a_network(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        enum doctor_reach reach;
    } cases[] = {
        { "127.0.0.1", DOCTOR_REACH_LOOPBACK },
        { "127.255.0.1", DOCTOR_REACH_LOOPBACK },
        { "::1", DOCTOR_REACH_LOOPBACK },
        { "::ffff:127.0.0.1", DOCTOR_REACH_LOOPBACK },
        { "10.255.255.255", DOCTOR_REACH_PRIVATE },
        { "172.16.0.0", DOCTOR_REACH_PRIVATE },
        { "172.31.255.255", DOCTOR_REACH_PRIVATE },
        { "192.168.0.1", DOCTOR_REACH_PRIVATE },
        { "169.254.1.1", DOCTOR_REACH_PRIVATE },
        { "fd12::1", DOCTOR_REACH_PRIVATE },
        { "fe80::1%eth0", DOCTOR_REACH_PRIVATE },
        { "::ffff:10.0.0.1", DOCTOR_REACH_PRIVATE },
        { "9.255.255.255", DOCTOR_REACH_PUBLIC },
        { "11.0.0.0", DOCTOR_REACH_PUBLIC },
        { "172.15.255.255", DOCTOR_REACH_PUBLIC },
        { "172.32.0.0", DOCTOR_REACH_PUBLIC },
        { "192.167.255.255", DOCTOR_REACH_PUBLIC },
        { "192.169.0.0", DOCTOR_REACH_PUBLIC },
        { "100.64.0.1", DOCTOR_REACH_PUBLIC },
        { "0.0.0.0", DOCTOR_REACH_PUBLIC },
        { "2001:db8::1", DOCTOR_REACH_PUBLIC },
        { "::ffff:8.8.8.8", DOCTOR_REACH_PUBLIC },
        { "fec0::1", DOCTOR_REACH_PUBLIC },
        { "", DOCTOR_REACH_UNKNOWN },
        { "host", DOCTOR_REACH_UNKNOWN },
        { "127.0.0.1:80", DOCTOR_REACH_UNKNOWN },
        { "%", DOCTOR_REACH_UNKNOWN },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(doctor_hosts_reach_of_address(cases[i].address), cases[i].reach);
}

static void localhost_needs_no_resolver(void **state)
{
    (void)state;
    int64_t passed = 0;
    static const char *const names[] = { "localhost", "LocalHost.", "app.localhost" };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_int_equal(doctor_hosts_look_up(&passed, names[i]), DOCTOR_REACH_LOOPBACK);
}

static void an_address_resolves_to_itself(void **state)
{
    (void)state;
    int64_t deadline_us = clock_mono_us() + INT64_C(20000000);
    assert_int_equal(doctor_hosts_look_up(&deadline_us, "192.168.1.2"), DOCTOR_REACH_PRIVATE);
    assert_int_equal(doctor_hosts_look_up(&deadline_us, "203.0.113.1"), DOCTOR_REACH_PUBLIC);
    assert_int_equal(doctor_hosts_look_up(&deadline_us, "2001:db8::1"), DOCTOR_REACH_PUBLIC);
    assert_int_equal(doctor_hosts_look_up(&deadline_us, "127.1"), DOCTOR_REACH_LOOPBACK);
    assert_int_equal(doctor_hosts_look_up(&deadline_us, ""), DOCTOR_REACH_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_of_a_url_is_found),
        cmocka_unit_test(a_list_ends),
        cmocka_unit_test(a_long_name_is_truncated),
        cmocka_unit_test(an_address_belongs_to_a_network),
        cmocka_unit_test(localhost_needs_no_resolver),
        cmocka_unit_test(an_address_resolves_to_itself),
    };
    return cmocka_run_group_tests_name("doctor_hosts", tests, NULL, NULL);
}
