/* services/messengerctl/doctor/doctor_checks: verdicts on settings, with names that resolve as the
 * test says. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "services/messengerctl/doctor/doctor_checks.h"

struct fixture {
    struct settings settings;
    struct doctor_report report;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct buffer problems = { 0 };
    assert_non_null(f);
    assert_int_equal(settings_load(NULL, &f->settings, &problems), STATUS_OK);
    buffer_finish(&problems);
    f->settings.contacts_consent = true;
    f->settings.cookie_secure = true;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    doctor_report_finish(&f->report);
    settings_finish(&f->settings);
    free(f);
    return 0;
}

static enum doctor_reach resolve(void *ctx, const char *host)
{
    (void)ctx;
    if (strncmp(host, "away", 4) == 0)
        return DOCTOR_REACH_UNKNOWN;
    if (strncmp(host, "near", 4) == 0)
        return DOCTOR_REACH_PRIVATE;
    return strncmp(host, "far", 3) == 0 ? DOCTOR_REACH_PUBLIC : DOCTOR_REACH_LOOPBACK;
}

static void set(char **field, const char *value)
{
    free(*field);
    *field = strdup(value);
}

/* The severity of the only finding about a setting; -1 when there is none. */
static int verdict(struct fixture *f, const char *setting)
{
    const struct doctor_look_up look_up = { resolve, NULL };
    int severity = -1;

    doctor_report_finish(&f->report);
    doctor_checks_settings(&f->report, &f->settings, &look_up);
    for (size_t i = 0; i < f->report.count; i++)
        if (strcmp(f->report.items[i].setting, setting) == 0) {
            assert_int_equal(severity, -1);
            severity = (int)f->report.items[i].severity;
        }
    return severity;
}

static void the_bus_is_judged_by_what_its_names_resolve_to(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *url;
        enum doctor_severity severity;
    } cases[] = {
        { "nats://here", DOCTOR_OK },
        { "nats://near:1", DOCTOR_OK },
        { "nats://far", DOCTOR_BAD },
        { "near,far", DOCTOR_BAD },
        { "far,near", DOCTOR_BAD },
        { "away", DOCTOR_WARN },
        { "away,far", DOCTOR_BAD },
        { "tls://far", DOCTOR_OK },
        { "far,tls://near", DOCTOR_BAD },
        { "tls://away", DOCTOR_OK },
        { "tls://near,far", DOCTOR_BAD },
        { "nats://near@far", DOCTOR_BAD },
        { " , ", DOCTOR_BAD },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        set(&f->settings.nats_url, cases[i].url);
        assert_int_equal(verdict(f, "nats.url"), cases[i].severity);
    }
}

static void a_log_in_is_demanded_of_every_server(void **state)
{
    struct fixture *f = *state;
    set(&f->settings.nats_url, "nats://a:b@near,nats://near");
    assert_int_equal(verdict(f, "nats.user"), DOCTOR_BAD);
    set(&f->settings.nats_url, "nats://near,nats://a:b@near");
    assert_int_equal(verdict(f, "nats.user"), DOCTOR_BAD);
    set(&f->settings.nats_url, "nats://a:b@near,nats://c:d@near");
    assert_int_equal(verdict(f, "nats.user"), DOCTOR_OK);
    set(&f->settings.nats_url, "here");
    assert_int_equal(verdict(f, "nats.user"), DOCTOR_WARN);
    set(&f->settings.nats_url, "away");
    assert_int_equal(verdict(f, "nats.user"), DOCTOR_BAD);
    set(&f->settings.nats_user, "ann");
    assert_int_equal(verdict(f, "nats.user"), DOCTOR_OK);
}

static void a_page_without_tls_matters_under_a_public_name(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *origin;
        enum doctor_severity severity;
    } cases[] = {
        { "http://far.example", DOCTOR_WARN },        { "https://far.example", DOCTOR_OK },
        { "http://near.example", DOCTOR_OK },         { "http://here", DOCTOR_OK },
        { "http://away.example.org", DOCTOR_WARN },   { "http://away", DOCTOR_OK },
        { "http://away.local:80", DOCTOR_OK },        { "http://away.INTERNAL", DOCTOR_OK },
        { "http://away.local.example", DOCTOR_WARN }, { "", DOCTOR_OK },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        set(&f->settings.client_url, cases[i].origin);
        assert_int_equal(verdict(f, "client.url"), cases[i].severity);
    }
}

static void a_public_address_without_tls_is_worse_than_a_private_one(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(verdict(f, "app.url"), DOCTOR_WARN);
    set(&f->settings.app_url, "http://near");
    assert_int_equal(verdict(f, "app.url"), DOCTOR_WARN);
    set(&f->settings.app_url, "http://far");
    assert_int_equal(verdict(f, "app.url"), DOCTOR_BAD);
    set(&f->settings.app_url, "http://away.example.org/x");
    assert_int_equal(verdict(f, "app.url"), DOCTOR_BAD);
    set(&f->settings.app_url, "https://far");
    assert_int_equal(verdict(f, "app.url"), DOCTOR_OK);
}

static void a_store_of_sqlite_has_no_way_to_it(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(verdict(f, "store.users"), -1);
    set(&f->settings.store_users, "sqlite:///x/users.db");
    assert_int_equal(verdict(f, "store.users"), -1);
    set(&f->settings.store_users, "mongodb://far/im");
    assert_int_equal(verdict(f, "store.users"), DOCTOR_BAD);
    set(&f->settings.store_users, "mongodb://near,away/im");
    assert_int_equal(verdict(f, "store.users"), DOCTOR_WARN);
    set(&f->settings.store_messages, "mongodb://near/im");
    assert_int_equal(verdict(f, "store.messages"), DOCTOR_OK);
}

static void the_equivalents_of_the_default_cost_are_enough(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int64_t kib, passes;
        int severity;
    } cases[] = {
        { 19456, 2, -1 }, { 12288, 3, -1 },          { 7168, 5, -1 },
        { 47104, 1, -1 }, { 19456, 1, DOCTOR_WARN }, { 64, 100, DOCTOR_WARN },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        f->settings.password_hash_memory_kib = cases[i].kib;
        f->settings.password_hash_passes = cases[i].passes;
        assert_int_equal(verdict(f, "password.hashMemoryKib"), cases[i].severity);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_bus_is_judged_by_what_its_names_resolve_to),
        TEST(a_log_in_is_demanded_of_every_server),
        TEST(a_page_without_tls_matters_under_a_public_name),
        TEST(a_public_address_without_tls_is_worse_than_a_private_one),
        TEST(a_store_of_sqlite_has_no_way_to_it),
        TEST(the_equivalents_of_the_default_cost_are_enough),
    };
    return cmocka_run_group_tests_name("doctor_checks", tests, NULL, NULL);
}
