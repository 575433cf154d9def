/* services/common/process/mail_settings: which servers are accepted, and when TLS is required. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "services/common/process/mail_settings.h"

static char nothing[] = "", user[] = "u", from[] = "messenger@example.org", ca[] = "/ca.pem";

static struct mail_settings settings_of(const char *url)
{
    static char copy[600];
    snprintf(copy, sizeof(copy), "%s", url);
    return (struct mail_settings){ copy, nothing, nothing, nothing, from, false };
}

static void a_server_has_a_scheme_a_host_and_perhaps_a_port(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host;
        int64_t port;
    } good[] = {
        { "smtp://mail.example.org", "mail.example.org", 587 },
        { "smtps://mail.example.org", "mail.example.org", 465 },
        { "smtp://mail.example.org:25", "mail.example.org", 25 },
        { "smtps://mail.example.org:65535/", "mail.example.org", 65535 },
        { "smtp://192.0.2.1:1", "192.0.2.1", 1 },
        { "smtp://[2001:db8::1]:26", "2001:db8::1", 26 },
        { "smtps://[::1]", "::1", 465 },
        { "smtp://a_b", "a_b", 587 },
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct mail_settings mail = settings_of(good[i].url);
        struct mail_server server;
        assert_true(mail_settings_server(&mail, &server));
        assert_string_equal(server.host, good[i].host);
        assert_int_equal(server.port, good[i].port);
    }
}

static void what_is_no_server_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "smtp",
        "smtp:",
        "smtp:/",
        "smtp://",
        "SMTP://a",
        "http://a",
        "smtpx://a",
        "mail.example.org",
        "smtp://:25",
        "smtp://a:",
        "smtp://a:0",
        "smtp://a:65536",
        "smtp://a:-1",
        "smtp://a:25x",
        "smtp://a:123456789012",
        "smtp://u@a",
        "smtp://u:p@a",
        "smtp://a/b",
        "smtp://a?b",
        "smtp://a#b",
        "smtp://a b",
        "smtp://a\nb",
        "smtp://[::1",
        "smtp://[1.2.3.4]",
        "smtp://[x]",
        "smtp://[]",
        "smtp://::1",
        "smtp://a%b",
        "smtp://a,b",
        " smtp://a",
        "smtp://a//",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct mail_settings mail = settings_of(bad[i]);
        struct mail_server server;
        if (mail_settings_server(&mail, &server))
            fail_msg("\"%s\" accepted", bad[i]);
    }
    char url[600] = "smtp://";
    memset(url + 7, 'a', MAIL_SETTINGS_HOST_SIZE);
    struct mail_settings mail = settings_of(url);
    struct mail_server server;
    assert_false(mail_settings_server(&mail, &server));
    url[7 + MAIL_SETTINGS_HOST_SIZE - 1] = '\0';
    mail = settings_of(url);
    assert_true(mail_settings_server(&mail, &server));
}

static enum mail_tls tls_of(const char *url, bool allow_plaintext, char *ca_file)
{
    struct mail_settings mail = settings_of(url);
    struct mail_server server;
    mail.allow_plaintext = allow_plaintext;
    mail.ca_file = ca_file;
    assert_true(mail_settings_server(&mail, &server));
    return server.tls;
}

static void tls_is_required_except_on_this_machine_or_where_it_is_not(void **state)
{
    (void)state;
    static const char *const here[] = { "smtp://127.0.0.1", "smtp://127.8.9.10:25",
                                        "smtp://localhost:25", "smtp://[::1]:25" };
    static const char *const away[] = { "smtp://128.0.0.1", "smtp://mail.localhost",
                                        "smtp://[::2]",     "smtp://localhost.example.org",
                                        "smtp://10.0.0.1",  "smtp://127.0.0.1.example.org" };
    for (size_t i = 0; i < COUNT_OF(here); i++) {
        assert_int_equal(tls_of(here[i], false, nothing), MAIL_TLS_NOT_NEEDED);
        assert_int_equal(tls_of(here[i], false, ca), MAIL_TLS_REQUIRED);
    }
    for (size_t i = 0; i < COUNT_OF(away); i++) {
        assert_int_equal(tls_of(away[i], false, nothing), MAIL_TLS_REQUIRED);
        assert_int_equal(tls_of(away[i], false, ca), MAIL_TLS_REQUIRED);
        assert_int_equal(tls_of(away[i], true, nothing), MAIL_TLS_IF_OFFERED);
    }
    assert_int_equal(tls_of("smtps://localhost", true, nothing), MAIL_TLS_FROM_START);
}

static void assert_problems(const struct mail_settings *mail, const char *app_url, bool proves,
                            const char *const *words, size_t count)
{
    struct buffer problems = { 0 };
    size_t lines = 0;
    mail_settings_check(mail, app_url, proves, &problems);
    const char *text = buffer_text(&problems);
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, count);
    for (size_t i = 0; i < count; i++)
        if (strstr(text, words[i]) == NULL)
            fail_msg("%s is not in %s", words[i], text);
    buffer_finish(&problems);
}

static void all_problems_are_listed(void **state)
{
    (void)state;
    static const char *const all[] = { "mail.smtpUrl", "mail.from", "mail.user, mail.password",
                                       "app.url" };
    struct mail_settings mail = settings_of("smtp://");
    mail.from = nothing;
    mail.user = user;
    assert_problems(&mail, "", false, all, COUNT_OF(all));
    mail = settings_of("smtp://a");
    assert_problems(&mail, "https://a", true, NULL, 0);
}

static void a_sender_is_an_address_of_ascii(void **state)
{
    (void)state;
    static char bad[][40] = { "", "messenger", "Chat <a@b.c>", "a@b.c\n", "j\xC3\xB6rg@b.c" };
    static const char *const word[] = { "mail.from" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct mail_settings mail = settings_of("smtp://a");
        mail.from = bad[i];
        assert_problems(&mail, "https://a", false, word, 1);
    }
}

static void without_a_server_only_a_proof_is_a_problem(void **state)
{
    (void)state;
    static const char *const word[] = { "registration.proveEmail" };
    struct mail_settings mail = settings_of("");
    mail.from = nothing;
    assert_problems(&mail, "", false, NULL, 0);
    assert_problems(&mail, "", true, word, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_has_a_scheme_a_host_and_perhaps_a_port),
        cmocka_unit_test(what_is_no_server_is_refused),
        cmocka_unit_test(tls_is_required_except_on_this_machine_or_where_it_is_not),
        cmocka_unit_test(all_problems_are_listed),
        cmocka_unit_test(a_sender_is_an_address_of_ascii),
        cmocka_unit_test(without_a_server_only_a_proof_is_a_problem),
    };
    return cmocka_run_group_tests_name("mail_settings", tests, NULL, NULL);
}
