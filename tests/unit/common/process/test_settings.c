/* services/common/process/settings: defaults, file, environment, and all problems in one message.
 */
#define _GNU_SOURCE /* environ, open_memstream */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "services/common/process/settings.h"
#include "tests/unit/capture.h"
#include "tests/unit/temp_dir.h"

struct fixture {
    char dir[TEMP_PATH_SIZE];
    char path[TEMP_PATH_SIZE + 16];
    struct settings settings;
    struct buffer problems;
    enum status status;
};

static void forget_environment(void)
{
    for (char **entry = environ; *entry != NULL;) {
        char name[256];
        size_t length = strcspn(*entry, "=");
        if (strncmp(*entry, "MESSENGER_", 10) != 0 || length >= sizeof(name)) {
            entry++;
            continue;
        }
        memcpy(name, *entry, length);
        name[length] = '\0';
        unsetenv(name); /* the next entry moves here */
    }
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    forget_environment();
    snprintf(f->dir, sizeof(f->dir), "%s", temp_dir_make());
    snprintf(f->path, sizeof(f->path), "%s/config.json", f->dir);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    forget_environment();
    settings_finish(&f->settings);
    buffer_finish(&f->problems);
    temp_dir_remove(f->dir);
    free(f);
    return 0;
}

static void load(struct fixture *f, const char *file)
{
    settings_finish(&f->settings);
    buffer_clear(&f->problems);
    f->status = settings_load(file, &f->settings, &f->problems);
}

static void load_text(struct fixture *f, const char *json)
{
    temp_file_write(f->path, json, strlen(json));
    load(f, f->path);
}

static void assert_good(struct fixture *f)
{
    if (f->status != STATUS_OK)
        fail_msg("%s", buffer_text(&f->problems));
    assert_int_equal(f->problems.length, 0);
}

static void assert_one_problem(struct fixture *f, const char *key)
{
    const char *text = buffer_text(&f->problems);
    assert_int_equal(f->status, STATUS_INVALID_ARGUMENT);
    assert_int_equal(count_of_text(text, "\n"), 1);
    if (strncmp(text, key, strlen(key)) != 0)
        fail_msg("expected a problem of %s: %s", key, text);
}

/* Defaults */

static void without_any_source_the_defaults_hold(void **state)
{
    struct fixture *f = *state;
    load(f, NULL);
    assert_good(f);
    const struct settings *s = &f->settings;
    assert_int_equal(s->jwt_expires_in_s, 72 * 3600);
    assert_int_equal(s->cookie_max_age_s, 72 * 3600);
    assert_false(s->cookie_secure);
    assert_string_equal(s->jwt_private_key, "");
    assert_string_equal(s->websocket_host, "");
    assert_string_equal(s->websocket_path, "/api");
    assert_string_equal(s->websocket_allowed_origins, "");
    assert_int_equal(s->websocket_max_connections, 0);
    assert_int_equal(s->websocket_max_per_user, 64);
    assert_int_equal(s->websocket_ping_interval_s, 30);
    assert_int_equal(s->app_port, 8000);
    assert_string_equal(s->client_url, "http://localhost:3000");
    assert_string_equal(s->gateway_trusted_proxies, "");
    assert_string_equal(s->nats_url, "nats://127.0.0.1:4222");
    assert_string_equal(s->nats_user, "");
    assert_string_equal(s->nats_password, "");
    assert_string_equal(s->nats_ca_file, "");
    assert_string_equal(s->nats_cert_file, "");
    assert_string_equal(s->nats_key_file, "");
    assert_int_equal(s->nats_replicas, 1);
    assert_string_equal(s->data_directory, "./data");
    assert_string_equal(s->store_users, "");
    assert_string_equal(s->store_messages, "");
}

static void the_defaults_of_limits_hold(void **state)
{
    struct fixture *f = *state;
    load(f, NULL);
    assert_good(f);
    const struct settings *s = &f->settings;
    assert_int_equal(s->password_min_length, 8);
    assert_int_equal(s->password_hash_memory_kib, 19456);
    assert_int_equal(s->password_hash_passes, 2);
    assert_int_equal(s->password_hash_threads, 0);
    assert_int_equal(s->limit_logins_per_minute, 60);
    assert_int_equal(s->limit_signups_per_minute, 30);
    assert_int_equal(s->limit_uploads_per_minute, 10);
    assert_int_equal(s->limit_calls_per_second, 200);
    assert_int_equal(s->rpc_timeout_ms, 5000);
    assert_false(s->rpc_numeric_version);
    assert_int_equal(s->presence_offline_grace_ms, 0);
    assert_string_equal(s->log_level, "info");
}

/* The file */

static void the_originals_config_is_accepted_as_it_stands(void **state)
{
    struct fixture *f = *state;
    load_text(f, "{\n"
                 "  \"JWT\": {\n"
                 "    \"expiresIn\": \"72h\",\n"
                 "    \"privateKey\": \"secret_private_key\"\n"
                 "  },\n"
                 "  \"cookie\": {\n"
                 "    \"maxAge\": \"72h\"\n"
                 "  },\n"
                 "  \"webSocket\": {\n"
                 "    \"host\": \"\"\n"
                 "  },\n"
                 "  \"app\": {\n"
                 "    \"port\": 8000\n"
                 "  },\n"
                 "  \"client\": {\n"
                 "    \"url\": \"http://localhost:3000\"\n"
                 "  }\n"
                 "}\n");
    assert_good(f);
    assert_string_equal(f->settings.jwt_private_key, "secret_private_key");
    assert_int_equal(f->settings.jwt_expires_in_s, 259200);
    assert_int_equal(f->settings.app_port, 8000);
}

static void values_of_every_kind_come_from_the_file(void **state)
{
    struct fixture *f = *state;
    load_text(f, "{\"app\":{\"port\":9000},\"cookie\":{\"secure\":true,\"maxAge\":90},"
                 "\"webSocket\":{\"allowedOrigins\":[\"http://a\",\"http://b\"],\"path\":\"/ws\"},"
                 "\"rpc\":{\"timeoutMs\":\"250\",\"numericVersion\":false},"
                 "\"JWT\":{\"expiresIn\":\"2 days\"},\"log\":{\"level\":\"debug\"}}");
    assert_good(f);
    assert_int_equal(f->settings.app_port, 9000);
    assert_true(f->settings.cookie_secure);
    assert_int_equal(f->settings.cookie_max_age_s, 90);
    assert_string_equal(f->settings.websocket_allowed_origins, "http://a,http://b");
    assert_string_equal(f->settings.websocket_path, "/ws");
    assert_int_equal(f->settings.rpc_timeout_ms, 250);
    assert_int_equal(f->settings.jwt_expires_in_s, 172800);
    assert_string_equal(f->settings.log_level, "debug");
    load_text(f, "{}");
    assert_good(f);
    assert_int_equal(f->settings.app_port, 8000);
}

static void every_problem_is_named_in_one_go(void **state)
{
    struct fixture *f = *state;
    load_text(f, "{\"app\":{\"port\":70000,\"colour\":1},\"JWT\":{\"expiresIn\":\"soon\"},"
                 "\"cookie\":{\"secure\":\"perhaps\"},\"webSocket\":{\"path\":\"api\"},"
                 "\"surprise\":true,\"client\":{\"url\":{}},\"log\":{\"level\":\"loud\"}}");
    setenv("MESSENGER_RPC_TIMEOUT_MS", "49", 1);
    setenv("MESSENGER_PASSWORD_MIN_LENGTH", "", 1);
    load(f, f->path);
    assert_int_equal(f->status, STATUS_INVALID_ARGUMENT);
    static const char *const keys[] = { "app.port: ",       "app.colour: unknown",
                                        "JWT.expiresIn: ",  "cookie.secure: ",
                                        "webSocket.path: ", "surprise: unknown",
                                        "client.url",       "log.level: ",
                                        "rpc.timeoutMs: ",  "password.minLength: " };
    const char *text = buffer_text(&f->problems);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (strstr(text, keys[i]) == NULL)
            fail_msg("nothing of %s in: %s", keys[i], text);
    assert_int_equal(count_of_text(text, "\n"), COUNT_OF(keys));
}

static void an_unknown_key_is_a_problem(void **state)
{
    struct fixture *f = *state;
    load_text(f, "{\"app\":{\"prot\":8000}}");
    assert_one_problem(f, "app.prot: ");
    load_text(f, "{\"App\":{\"port\":8000}}");
    assert_one_problem(f, "App.port: ");
    load_text(f, "{\"app.port\":8001}"); /* the whole path as one name is the same key */
    assert_good(f);
    load_text(f, "{\"app\":5}");
    assert_one_problem(f, "app: ");
}

static void values_of_a_wrong_type_are_problems(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {
        "{\"app\":{\"port\":true}}",    "{\"app\":{\"port\":null}}", "{\"app\":{\"port\":80.5}}",
        "{\"app\":{\"port\":[]}}",      "{\"app\":{\"port\":{}}}",   "{\"app\":{\"port\":\"\"}}",
        "{\"app\":{\"port\":\"80x\"}}", "{\"app\":{\"port\":1e10}}"
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        load_text(f, texts[i]);
        assert_one_problem(f, "app.port");
    }
}

static void a_file_that_is_missing_or_no_object_is_a_problem(void **state)
{
    struct fixture *f = *state;
    load(f, f->path);
    assert_one_problem(f, f->path);
    static const char *const texts[] = { "", "[]", "1", "{", "{}}", "{\"a\":01}" };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        load_text(f, texts[i]);
        assert_one_problem(f, f->path);
    }
    load(f, f->dir);
    assert_one_problem(f, f->dir);
}

static void a_file_has_at_most_64_kib(void **state)
{
    struct fixture *f = *state;
    enum { MAX = 64 * 1024 };
    char *text = malloc(MAX + 1);
    assert_non_null(text);
    memset(text, ' ', MAX + 1);
    memcpy(text, "{}", 2);
    temp_file_write(f->path, text, MAX);
    load(f, f->path);
    assert_good(f);
    temp_file_write(f->path, text, MAX + 1);
    load(f, f->path);
    assert_one_problem(f, f->path);
    free(text);
}

/* The environment */

static void the_environment_wins_over_the_file(void **state)
{
    struct fixture *f = *state;
    setenv("MESSENGER_APP_PORT", "9001", 1);
    setenv("MESSENGER_WEB_SOCKET_MAX_PER_USER", "5", 1);
    setenv("MESSENGER_JWT_EXPIRES_IN", "1 week", 1);
    setenv("MESSENGER_COOKIE_SECURE", "1", 1);
    setenv("MESSENGER_CLIENT_URL", "", 1);
    setenv("MESSENGER_GATEWAY_TRUSTED_PROXIES", "10.0.0.1,::1", 1);
    load_text(f, "{\"app\":{\"port\":9000},\"webSocket\":{\"path\":\"/x\"}}");
    assert_good(f);
    assert_int_equal(f->settings.app_port, 9001);
    assert_int_equal(f->settings.websocket_max_per_user, 5);
    assert_int_equal(f->settings.jwt_expires_in_s, 604800);
    assert_true(f->settings.cookie_secure);
    assert_string_equal(f->settings.client_url, "");
    assert_string_equal(f->settings.gateway_trusted_proxies, "10.0.0.1,::1");
    assert_string_equal(f->settings.websocket_path, "/x");
}

static void numbers_are_accepted_to_their_limits(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *variable, *good, *good_too, *bad, *bad_too;
    } rows[] = {
        { "MESSENGER_APP_PORT", "0", "65535", "-1", "65536" },
        { "MESSENGER_WEB_SOCKET_MAX_CONNECTIONS", "0", "1000000", "-1", "1000001" },
        { "MESSENGER_WEB_SOCKET_PING_INTERVAL", "1", "1h", "0", "3601" },
        { "MESSENGER_RPC_TIMEOUT_MS", "50", "60000", "49", "60001" },
        { "MESSENGER_PASSWORD_MIN_LENGTH", "1", "1024", "0", "1025" },
        { "MESSENGER_LIMITS_CALLS_PER_SECOND", "0", "1000000", "-1", "1000001" },
        { "MESSENGER_JWT_EXPIRES_IN", "1", "3650d", "0s", "3651d" },
        { "MESSENGER_NATS_REPLICAS", "1", "5", "0", "6" },
        { "MESSENGER_COOKIE_SECURE", "true", "0", "yes", "TRUE" },
        { "MESSENGER_LOG_LEVEL", "error", "warn", "", "warning" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *values[] = { rows[i].good, rows[i].good_too, rows[i].bad, rows[i].bad_too };
        for (size_t v = 0; v < COUNT_OF(values); v++) {
            setenv(rows[i].variable, values[v], 1);
            load(f, NULL);
            if ((f->status == STATUS_OK) != (v < 2))
                fail_msg("%s=%s", rows[i].variable, values[v]);
        }
        unsetenv(rows[i].variable);
    }
}

static void text_is_read_to_its_length(void **state)
{
    struct fixture *f = *state;
    char text[514];
    memset(text, 'u', sizeof(text));
    text[512] = '\0';
    setenv("MESSENGER_CLIENT_URL", text, 1);
    load(f, NULL);
    assert_good(f);
    assert_string_equal(f->settings.client_url, text);
    text[512] = 'u';
    text[513] = '\0';
    setenv("MESSENGER_CLIENT_URL", text, 1);
    load(f, NULL);
    assert_one_problem(f, "client.url: ");
}

/* Secrets */

static void a_secret_may_come_from_a_file(void **state)
{
    struct fixture *f = *state;
    static const char *const contents[] = { "0123456789abcdef0123456789abcdef",
                                            "0123456789abcdef0123456789abcdef\n",
                                            "0123456789abcdef0123456789abcdef\r\nrest" };
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        temp_file_write(f->path, contents[i], strlen(contents[i]));
        setenv("MESSENGER_JWT_PRIVATE_KEY_FILE", f->path, 1);
        load(f, NULL);
        assert_good(f);
        assert_string_equal(f->settings.jwt_private_key, "0123456789abcdef0123456789abcdef");
    }
}

static void a_secret_file_that_is_missing_is_a_problem(void **state)
{
    struct fixture *f = *state;
    setenv("MESSENGER_JWT_PRIVATE_KEY_FILE", f->path, 1);
    load(f, NULL);
    assert_one_problem(f, "MESSENGER_JWT_PRIVATE_KEY_FILE: ");
}

static void only_secrets_come_from_files(void **state)
{
    struct fixture *f = *state;
    temp_file_write(f->path, "9999", 4);
    setenv("MESSENGER_APP_PORT_FILE", f->path, 1);
    load(f, NULL);
    assert_good(f);
    assert_int_equal(f->settings.app_port, 8000);
}

static void urls_of_stores_are_secrets(void **state)
{
    struct fixture *f = *state;
    static const char *const keys[] = { "store.users", "store.messages", "nats.password" };
    static const char url[] = "mongodb://user:hidden@mongo/messenger";
    temp_file_write(f->path, url, strlen(url));
    setenv("MESSENGER_STORE_USERS_FILE", f->path, 1);
    setenv("MESSENGER_STORE_MESSAGES_FILE", f->path, 1);
    setenv("MESSENGER_NATS_PASSWORD_FILE", f->path, 1);
    setenv("MESSENGER_NATS_USER", "user", 1);
    load(f, NULL);
    assert_good(f);
    assert_string_equal(f->settings.store_users, url);
    assert_string_equal(f->settings.store_messages, url);
    assert_string_equal(f->settings.nats_password, url);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        assert_true(settings_print_value(&f->settings, keys[i], out));
        fclose(out);
        assert_string_equal(text, "(set)\n");
        free(text);
    }
}

static void a_nats_user_and_its_password_go_together(void **state)
{
    struct fixture *f = *state;
    setenv("MESSENGER_NATS_USER", "gateway", 1);
    load(f, NULL);
    assert_one_problem(f, "nats.user, nats.password: ");
    setenv("MESSENGER_NATS_PASSWORD", "secret", 1);
    load(f, NULL);
    assert_good(f);
    unsetenv("MESSENGER_NATS_USER");
    load(f, NULL);
    assert_one_problem(f, "nats.user, nats.password: ");
}

static void a_nats_user_is_one_token_of_a_subject(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = { "a.b", "*", "a b", "a>", "\xc3\xa4" };
    setenv("MESSENGER_NATS_PASSWORD", "secret", 1);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        setenv("MESSENGER_NATS_USER", bad[i], 1);
        load(f, NULL);
        assert_one_problem(f, "nats.user: ");
    }
    setenv("MESSENGER_NATS_USER", "12345678901234567890123456789-_a", 1);
    load(f, NULL);
    assert_good(f);
    setenv("MESSENGER_NATS_USER", "12345678901234567890123456789-_ab", 1);
    load(f, NULL);
    assert_int_equal(f->status, STATUS_INVALID_ARGUMENT);
}

static void a_control_character_is_a_problem(void **state)
{
    struct fixture *f = *state;
    setenv("MESSENGER_CLIENT_URL", "https://chat.example\n", 1);
    load(f, NULL);
    assert_one_problem(f, "client.url: must not contain control characters");
    setenv("MESSENGER_CLIENT_URL", "https://chat.example\x7F", 1);
    load(f, NULL);
    assert_one_problem(f, "client.url: must not contain control characters");
    setenv("MESSENGER_CLIENT_URL", "https://chat.example", 1);
    load(f, NULL);
    assert_good(f);
}

static void a_proxy_that_is_no_address_is_a_problem(void **state)
{
    struct fixture *f = *state;
    setenv("MESSENGER_GATEWAY_TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8,127.0.0.1", 1);
    load(f, NULL);
    assert_good(f);
    setenv("MESSENGER_GATEWAY_TRUSTED_PROXIES", "10.0.0.0/8,proxy.example", 1);
    load(f, NULL);
    assert_one_problem(f, "gateway.trustedProxies: \"proxy.example\" ");
}

static void weak_keys_are_recognised(void **state)
{
    (void)state;
    assert_non_null(settings_weak_key("secret_private_key"));
    assert_non_null(settings_weak_key(""));
    assert_non_null(settings_weak_key("0123456789abcdef0123456789abcde"));
    assert_null(settings_weak_key("0123456789abcdef0123456789abcdef"));
    assert_non_null(
        settings_weak_key("put 32 random bytes or more here, or leave the key out with make run"));
    assert_non_null(settings_weak_key("kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"));
    assert_non_null(settings_weak_key("01234560123456012345601234560123456012345601234560"));
    assert_null(settings_weak_key("01234567012345670123456701234567"));
}

static void a_weak_key_is_rejected_in_production_only(void **state)
{
    struct fixture *f = *state;
    setenv("MESSENGER_JWT_PRIVATE_KEY", "secret_private_key", 1);
    load(f, NULL);
    assert_good(f);
    setenv("MESSENGER_ENV", "production", 1);
    load(f, NULL);
    assert_one_problem(f, "JWT.privateKey: ");
    setenv("MESSENGER_JWT_PRIVATE_KEY", "0123456789abcdef0123456789abcdef", 1);
    load(f, NULL);
    assert_good(f);
}

static void no_problem_shows_a_secret(void **state)
{
    struct fixture *f = *state;
    char secret[5001];
    memset(secret, 'Q', 5000);
    secret[5000] = '\0';
    setenv("MESSENGER_JWT_PRIVATE_KEY", secret, 1);
    load(f, NULL);
    assert_one_problem(f, "JWT.privateKey: ");
    assert_null(strstr(buffer_text(&f->problems), "QQQ"));
    setenv("MESSENGER_ENV", "production", 1);
    setenv("MESSENGER_JWT_PRIVATE_KEY", "short-QQQ", 1);
    load(f, NULL);
    assert_one_problem(f, "JWT.privateKey: ");
    assert_null(strstr(buffer_text(&f->problems), "QQQ"));
}

/* For people */

static void the_table_names_every_key_once_with_its_variable(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    settings_print(out);
    fclose(out);
    static const char *const parts[] = { "app.port",
                                         "MESSENGER_APP_PORT",
                                         "MESSENGER_WEB_SOCKET_MAX_PER_USER",
                                         "MESSENGER_JWT_PRIVATE_KEY",
                                         "MESSENGER_PRESENCE_OFFLINE_GRACE_MS",
                                         "default: 72h",
                                         "MESSENGER_PASSWORD_HASH_MEMORY_KIB" };
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        assert_non_null(strstr(text, parts[i]));
    assert_int_equal(count_of_text(text, "MESSENGER_APP_PORT\n"), 1);
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_any_source_the_defaults_hold),
        TEST(the_defaults_of_limits_hold),
        TEST(the_originals_config_is_accepted_as_it_stands),
        TEST(values_of_every_kind_come_from_the_file),
        TEST(every_problem_is_named_in_one_go),
        TEST(an_unknown_key_is_a_problem),
        TEST(values_of_a_wrong_type_are_problems),
        TEST(a_file_that_is_missing_or_no_object_is_a_problem),
        TEST(a_file_has_at_most_64_kib),
        TEST(the_environment_wins_over_the_file),
        TEST(numbers_are_accepted_to_their_limits),
        TEST(text_is_read_to_its_length),
        TEST(a_secret_may_come_from_a_file),
        TEST(a_secret_file_that_is_missing_is_a_problem),
        TEST(only_secrets_come_from_files),
        TEST(urls_of_stores_are_secrets),
        TEST(a_nats_user_and_its_password_go_together),
        TEST(a_nats_user_is_one_token_of_a_subject),
        TEST(a_control_character_is_a_problem),
        TEST(a_proxy_that_is_no_address_is_a_problem),
        TEST(weak_keys_are_recognised),
        TEST(a_weak_key_is_rejected_in_production_only),
        TEST(no_problem_shows_a_secret),
        TEST(the_table_names_every_key_once_with_its_variable),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
