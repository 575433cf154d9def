/* services/common/process/settings_nats: which values of nats.* go together, and files. */
#include "services/common/process/settings_nats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char full[] = "/tmp/settings-nats-full-XXXXXX", empty[] = "/tmp/settings-nats-empty-XXXXXX";

static int make_files(void **state)
{
    int fd = mkstemp(full), other = mkstemp(empty);

    (void)state;
    if (fd < 0 || other < 0 || write(fd, "text", 4) != 4)
        return -1;
    close(fd);
    close(other);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(full);
    unlink(empty);
    return 0;
}

static void assert_problems(const struct settings_nats *nats, const char *expected)
{
    struct buffer problems = { 0 };

    settings_nats_check(nats, &problems);
    assert_string_equal(buffer_text(&problems), expected);
    buffer_finish(&problems);
}

static struct settings_nats with_url(const char *url)
{
    return (struct settings_nats){
        .url = url, .user = "", .password = "", .ca_file = "", .cert_file = "", .key_file = ""
    };
}

static void servers_are_all_with_tls_or_none(void **state)
{
    static const struct {
        const char *url;
        bool good;
    } cases[] = {
        { "nats://a:1", true },
        { "tls://a:1", true },
        { "tls://a:1,tls://b:1", true },
        { " tls://a:1 ,, tls://b:1 ", true },
        { "a:1, b:1", true },
        { "tls://a:1,nats://b:1", false },
        { "a:1 tls://b:1", false },
        { "nats://tls://a:1,tls://b", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct settings_nats nats = with_url(cases[i].url);
        assert_problems(&nats,
                        cases[i].good ? "" : "nats.url: either all servers are tls:// or none\n");
    }
}

static void files_are_for_tls(void **state)
{
    struct settings_nats nats = with_url("nats://a:1");

    (void)state;
    nats.ca_file = full;
    assert_problems(
        &nats, "nats.caFile, nats.certFile, nats.keyFile: of no use without tls:// in nats.url\n");
    nats.url = "tls://a:1";
    assert_problems(&nats, "");
}

static void a_certificate_has_a_key(void **state)
{
    static const char one[] = "nats.certFile, nats.keyFile: one is set without the other\n";
    struct settings_nats nats = with_url("tls://a:1");

    (void)state;
    nats.cert_file = full;
    assert_problems(&nats, one);
    nats.key_file = full;
    assert_problems(&nats, "");
    nats.cert_file = "";
    assert_problems(&nats, one);
}

static void files_can_be_read_and_are_not_empty(void **state)
{
    struct settings_nats nats = with_url("tls://a:1");
    char expected[128];

    (void)state;
    nats.ca_file = "/no/such/file";
    assert_problems(&nats, "nats.caFile: /no/such/file: No such file or directory\n");
    nats.ca_file = "/tmp";
    assert_problems(&nats, "nats.caFile: /tmp: Is a directory\n");
    nats.ca_file = empty;
    snprintf(expected, sizeof(expected), "nats.caFile: %s: the file is empty\n", empty);
    assert_problems(&nats, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_are_all_with_tls_or_none),
        cmocka_unit_test(files_are_for_tls),
        cmocka_unit_test(a_certificate_has_a_key),
        cmocka_unit_test(files_can_be_read_and_are_not_empty),
    };

    return cmocka_run_group_tests_name("settings_nats", tests, make_files, remove_files);
}
