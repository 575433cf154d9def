/* services/messengerctl/doctor/doctor_store_url: the servers of a MongoDB URL, and whether TLS is
 * used. */
#include "tests/unit/unit.h"

#include "services/messengerctl/doctor/doctor_store_url.h"

static void servers_and_tls_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *url, *hosts;
        bool has_tls;
    } cases[] = {
        { "mongodb://host/im", "host", false },
        { "mongodb://one:1,two:2/im?replicaSet=rs0", "one:1,two:2", false },
        { "mongodb://ann:s%40e@host", "host", false },
        { "mongodb://host?tls=true", "host", true },
        { "mongodb://host/im?SSL=True", "host", true },
        { "mongodb://host/im?a=b&tlsCAFile=/x", "host", true },
        { "mongodb://host/im?tls=false&tlsCAFile=/x", "host", false },
        { "mongodb://host/im?tls=maybe", "host", false },
        { "mongodb://host/im?tls", "host", false },
        { "mongodb://host/im?tls=true&tlsInsecure=true", "host", false },
        { "mongodb://host/im?tls=true&tlsInsecure=false", "host", true },
        { "mongodb://host/im?tls=true&tlsAllowInvalidHostnames=1", "host", false },
        { "mongodb+srv://cluster/im", "cluster", true },
        { "mongodb+srv://ann:x@cluster/?tls=false", "cluster", false },
        { "mongodb://", "", false },
        { "mongodb://@/?&&=&tls==", "", false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct doctor_store_url parts;
        assert_true(doctor_store_url_read(cases[i].url, &parts));
        assert_string_equal(parts.hosts, cases[i].hosts);
        assert_int_equal(parts.has_tls, cases[i].has_tls);
        doctor_store_url_finish(&parts);
    }
}

static void another_scheme_is_none(void **state)
{
    (void)state;
    static const char *const urls[] = { "", "sqlite:///x", "mongodb:/x", "MONGODB://x", "host" };
    struct doctor_store_url parts;
    for (size_t i = 0; i < COUNT_OF(urls); i++)
        assert_false(doctor_store_url_read(urls[i], &parts));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_and_tls_are_read),
        cmocka_unit_test(another_scheme_is_none),
    };
    return cmocka_run_group_tests_name("doctor_store_url", tests, NULL, NULL);
}
