#include "services/common/process/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/json.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/networks.h"
#include "services/common/base/text.h"
#include "services/common/process/settings_key.h"
#include "services/common/process/settings_nats.h"

enum { FILE_MAX = 64 * 1024, KEY_MAX = 64, NATS_USER_MAX = 32 };
#define ENV_PREFIX "MESSENGER_"

enum kind { KIND_TEXT, KIND_SECRET, KIND_INT, KIND_BOOL, KIND_SECONDS };

struct row {
    const char *key;
    enum kind kind;
    size_t offset;
    const char *initial;
    int64_t min, max; /* of an int; of a text, its length */
    const char *meaning;
};

#define AT(field) offsetof(struct settings, field)
#define YEARS(n) ((n)*365LL * 86400)

static const struct row rows[] = {
    { "accounts.eraseMessages", KIND_BOOL, AT(accounts_erase_messages), "true", 0, 1,
      "the texts of a deleted account's messages are erased for everybody; otherwise those whom it "
      "wrote to keep them" },
    { "app.port", KIND_INT, AT(app_port), "8000", 0, 65535, "port of the gateway" },
    { "app.url", KIND_TEXT, AT(app_url), "", 0, 512,
      "address at which browsers reach the messenger, for links: https://chat.example.org" },
    { "audit.keepDays", KIND_INT, AT(audit_keep_days), "90", 0, 3650,
      "days for which entries of the audit log are kept; 0 = none are recorded" },
    { "audit.maxEntries", KIND_INT, AT(audit_max_entries), "100000", 100, 10000000,
      "maximum of entries of the audit log" },
    { "client.url", KIND_TEXT, AT(client_url), "http://localhost:3000", 0, 512,
      "origin of the web client: receives CORS headers, may open sockets" },
    { "contacts.consent", KIND_BOOL, AT(contacts_consent), "false", 0, 1,
      "presence and profile changes are for contacts only: users who have both written, or whom "
      "one has added" },
    { "cookie.maxAge", KIND_SECONDS, AT(cookie_max_age_s), "72h", 1, YEARS(10),
      "Max-Age of the cookie `auth`" },
    { "cookie.secure", KIND_BOOL, AT(cookie_secure), "false", 0, 1,
      "always mark the cookie Secure (otherwise only for requests over TLS)" },
    { "data.directory", KIND_TEXT, AT(data_directory), "./data", 1, 1024,
      "directory of the SQLite stores, unless store.* are set" },
    { "gateway.trustedProxies", KIND_TEXT, AT(gateway_trusted_proxies), "", 0, 4096,
      "proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted: addresses and ranges "
      "(10.0.0.0/8), comma-separated" },
    { "JWT.expiresIn", KIND_SECONDS, AT(jwt_expires_in_s), "72h", 1, YEARS(10),
      "how long a token is valid" },
    { "JWT.privateKey", KIND_SECRET, AT(jwt_private_key), "", 0, 4096,
      "key that signs the tokens, at least 32 bytes; the same at every gateway" },
    { "limits.callsPerSecond", KIND_INT, AT(limit_calls_per_second), "200", 0, 1000000,
      "JSON-RPC calls per user; short bursts of twice that; 0 = no limit" },
    { "limits.connectionsPerAddress", KIND_INT, AT(limit_connections_per_address), "512", 0,
      1000000,
      "HTTP connections per client address, or requests in progress behind a trusted proxy; "
      "0 = no limit" },
    { "limits.failedLoginsPerAccount", KIND_INT, AT(limit_failed_logins_per_account), "10", 0,
      1000000,
      "failed log-ins per e-mail before each further one has to wait (limits.md); 0 = no limit" },
    { "limits.failedLoginsPerAddress", KIND_INT, AT(limit_failed_logins_per_address), "300", 0,
      1000000,
      "failed log-ins an hour per client address (IPv6: per /64) where the account has not logged "
      "in before; 0 = no limit" },
    { "limits.loginsPerMinute", KIND_INT, AT(limit_logins_per_minute), "60", 0, 1000000,
      "log-ins per client address (IPv6: per /64); 0 = no limit" },
    { "limits.mailsPerAccount", KIND_INT, AT(limit_mails_per_account), "3", 0, 1000000,
      "mails an hour to an e-mail address that a client address may ask for, and four times as "
      "many of all together; 0 = no limit" },
    { "limits.mailsPerAddress", KIND_INT, AT(limit_mails_per_address), "60", 0, 1000000,
      "mails an hour that a client address (IPv6: per /64) may ask for; 0 = no limit" },
    { "limits.pendingMib", KIND_INT, AT(limit_pending_mib), "96", 1, 1048576,
      "MiB that one gateway holds for clients: answers being made, and what they have not read" },
    { "limits.pendingMibPerUser", KIND_INT, AT(limit_pending_mib_per_user), "32", 1, 1048576,
      "the same for one user at one gateway" },
    { "limits.signupsPerMinute", KIND_INT, AT(limit_signups_per_minute), "30", 0, 1000000,
      "sign-ups per client address (IPv6: per /64); 0 = no limit" },
    { "limits.socketsPerAddress", KIND_INT, AT(limit_sockets_per_address), "1000", 0, 1000000,
      "sockets per client address; more get 429; 0 = no limit" },
    { "limits.uploadsPerMinute", KIND_INT, AT(limit_uploads_per_minute), "10", 0, 1000000,
      "image uploads per user; 0 = no limit" },
    { "log.level", KIND_TEXT, AT(log_level), "info", 1, 8, "debug, info, warn or error" },
    { "mail.allowPlaintext", KIND_BOOL, AT(mail.allow_plaintext), "false", 0, 1,
      "send mail without TLS, too, if the server offers none; on loopback it always may" },
    { "mail.caFile", KIND_TEXT, AT(mail.ca_file), "", 0, 1024,
      "certificates (PEM) that sign the SMTP server's; empty = those of the system" },
    { "mail.from", KIND_TEXT, AT(mail.from), "", 0, 254, "sender of mails, an address" },
    { "mail.password", KIND_SECRET, AT(mail.password), "", 0, 256, "password of mail.user" },
    { "mail.smtpUrl", KIND_TEXT, AT(mail.smtp_url), "", 0, 512,
      "SMTP server, smtp://host:587 (STARTTLS) or smtps://host:465; empty = no mail is sent" },
    { "mail.user", KIND_TEXT, AT(mail.user), "", 0, 256,
      "user at the SMTP server; empty = no log-in" },
    { "nats.caFile", KIND_TEXT, AT(nats_ca_file), "", 0, 1024,
      "authorities (PEM) that sign certificates of NATS servers, besides those of the system" },
    { "nats.certFile", KIND_TEXT, AT(nats_cert_file), "", 0, 1024,
      "certificate (PEM) of this program, for servers that ask for one" },
    { "nats.keyFile", KIND_TEXT, AT(nats_key_file), "", 0, 1024, "key (PEM) of nats.certFile" },
    { "nats.password", KIND_SECRET, AT(nats_password), "", 0, 256,
      "password of the user nats.user" },
    { "nats.replicas", KIND_INT, AT(nats_replicas), "1", 1, 5,
      "copies of the presence bucket, each on another NATS server" },
    { "nats.url", KIND_TEXT, AT(nats_url), "nats://127.0.0.1:4222", 1, 2048,
      "NATS servers, comma-separated; tls://host:4222 with TLS" },
    { "nats.user", KIND_TEXT, AT(nats_user), "", 0, NATS_USER_MAX,
      "NATS user of this program; empty = no log-in" },
    { "password.hashMemoryKib", KIND_INT, AT(password_hash_memory_kib), "19456", 64, 4194304,
      "memory of one Argon2id hash, in KiB" },
    { "password.hashPasses", KIND_INT, AT(password_hash_passes), "2", 1, 100,
      "passes of one Argon2id hash" },
    { "password.hashThreads", KIND_INT, AT(password_hash_threads), "0", 0, 256,
      "maximum of concurrent hashes; 0 = number of cores" },
    { "password.minLength", KIND_INT, AT(password_min_length), "8", 1, 1024,
      "minimum length of a password at sign-up, in bytes" },
    { "presence.offlineGraceMs", KIND_INT, AT(presence_offline_grace_ms), "0", 0, 600000,
      "delay between the close of a user's last socket and the offline notification" },
    { "registration.inviteExpiresIn", KIND_SECONDS, AT(registration_invite_expires_in_s), "1 week",
      60, YEARS(1), "how long an invite is valid" },
    { "registration.invitesPerUser", KIND_INT, AT(registration_invites_per_user), "0", 0, 1000,
      "unused invites that a user may have made; 0 = only the administrator invites" },
    { "registration.mode", KIND_TEXT, AT(registration_mode), "open", 1, 16,
      "who may sign up: open (everybody), invite (with an invite) or closed (nobody)" },
    { "registration.proveEmail", KIND_BOOL, AT(registration_prove_email), "false", 0, 1,
      "an account begins once its e-mail address is proven by a code that is sent there" },
    { "registration.reservedTags", KIND_TEXT, AT(registration_reserved_tags),
      "abuse,administrator,messenger,moderator,postmaster,root,security,support,system", 0, 4096,
      "tags that nobody can sign up with, comma-separated" },
    { "rpc.numericVersion", KIND_BOOL, AT(rpc_numeric_version), "false", 0, 1,
      "answer \"jsonrpc\":2, like the original, instead of \"2.0\"" },
    { "rpc.timeoutMs", KIND_INT, AT(rpc_timeout_ms), "5000", 50, 60000,
      "deadline of a call to a service" },
    { "store.messages", KIND_SECRET, AT(store_messages), "", 0, 2048,
      "URL of the message store, sqlite:// or mongodb://; empty = "
      "sqlite://<data.directory>/messages.db" },
    { "store.users", KIND_SECRET, AT(store_users), "", 0, 2048,
      "URL of the user store, sqlite:// or mongodb://; empty = "
      "sqlite://<data.directory>/users.db" },
    { "webSocket.allowedOrigins", KIND_TEXT, AT(websocket_allowed_origins), "", 0, 4096,
      "further origins that may open sockets, comma-separated" },
    { "webSocket.host", KIND_TEXT, AT(websocket_host), "", 0, 255,
      "name or address, IPv4 or IPv6, the gateway listens on; empty = all" },
    { "webSocket.maxConnections", KIND_INT, AT(websocket_max_connections), "0", 0, 1000000,
      "maximum of sockets of one gateway; more get 503; 0 = as many as its open files allow" },
    { "webSocket.maxPerUser", KIND_INT, AT(websocket_max_per_user), "64", 1, 20000,
      "maximum of sockets of one user at one gateway; more get 429" },
    { "webSocket.path", KIND_TEXT, AT(websocket_path), "/api", 1, 255,
      "path of the WebSocket, besides /" },
    { "webSocket.pingInterval", KIND_SECONDS, AT(websocket_ping_interval_s), "30", 1, 3600,
      "interval of pings; a socket with two unanswered pings is closed" },
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* app.port -> MESSENGER_APP_PORT, webSocket.maxPerUser -> MESSENGER_WEB_SOCKET_MAX_PER_USER */
static void env_name(const char *key, char out[2 * KEY_MAX])
{
    size_t n = strlen(ENV_PREFIX);
    char before = '.';

    memcpy(out, ENV_PREFIX, n);
    for (; *key != '\0'; before = *key++) {
        bool upper = *key >= 'A' && *key <= 'Z';
        if (*key == '.') {
            out[n++] = '_';
            continue;
        }
        if (upper && before >= 'a' && before <= 'z')
            out[n++] = '_';
        out[n++] = (char)(*key >= 'a' && *key <= 'z' ? *key - 'a' + 'A' : *key);
    }
    out[n] = '\0';
}

static const struct row *find_row(const char *key)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(rows[i].key, key) == 0)
            return &rows[i];
    return NULL;
}

static void set_text(struct settings *settings, const struct row *row, const char *value,
                     struct buffer *problems)
{
    char **field = (char **)((char *)settings + row->offset);
    size_t length = strlen(value);

    if (length < (size_t)row->min || length > (size_t)row->max) {
        buffer_printf(problems, "%s: must have %" PRId64 " to %" PRId64 " bytes\n", row->key,
                      row->min, row->max);
        return;
    }
    if (row->kind == KIND_TEXT && text_has_control(value)) {
        buffer_printf(problems, "%s: must not contain control characters\n", row->key);
        return;
    }
    free(*field);
    *field = xstrdup(value);
}

static void set_value(struct settings *settings, const struct row *row, const char *value,
                      struct buffer *problems)
{
    char *field = (char *)settings + row->offset;
    int64_t number;

    switch (row->kind) {
    case KIND_TEXT:
    case KIND_SECRET:
        set_text(settings, row, value, problems);
        return;
    case KIND_INT:
        if (!text_to_int(value, row->min, row->max, (int64_t *)(void *)field))
            buffer_printf(problems,
                          "%s: \"%s\" is not a whole number from %" PRId64 " to %" PRId64 "\n",
                          row->key, value, row->min, row->max);
        return;
    case KIND_SECONDS:
        if (text_to_seconds(value, &number) && number >= row->min && number <= row->max)
            *(int64_t *)(void *)field = number;
        else
            buffer_printf(problems,
                          "%s: \"%s\" is not a duration such as 72h, 30m, \"2 days\" or "
                          "a number of seconds\n",
                          row->key, value);
        return;
    case KIND_BOOL:
        if (strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
            *(bool *)field = true;
        else if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
            *(bool *)field = false;
        else
            buffer_printf(problems, "%s: \"%s\" is neither true nor false\n", row->key, value);
        return;
    }
}

/* A JSON value as the text an environment variable would hold; false for objects and null. */
static bool json_as_text(const struct json *value, struct buffer *out)
{
    bool flag;
    int64_t number;

    if (json_text(value) != NULL) {
        buffer_append_text(out, json_text(value));
    } else if (json_to_int(value, INT32_MIN, INT32_MAX, &number)) {
        buffer_printf(out, "%" PRId64, number);
    } else if (json_is_number(value)) {
        buffer_printf(out, "%g", json_to_double(value));
    } else if (json_to_bool(value, &flag)) {
        buffer_append_text(out, flag ? "true" : "false");
    } else if (json_is_array(value)) {
        for (const struct json *item = json_first(value); item != NULL; item = json_next(item)) {
            if (out->length > 0)
                buffer_append_char(out, ',');
            if (json_text(item) == NULL)
                return false;
            buffer_append_text(out, json_text(item));
        }
    } else {
        return false;
    }
    return true;
}

/* Walks the file's objects; the key of a leaf is its path joined by dots. Depth is bounded by
 * json_parse. */
static void read_object(struct settings *settings, const struct json *object, const char *prefix,
                        struct buffer *problems)
{
    for (const struct json *member = json_first(object); member != NULL;
         member = json_next(member)) {
        char *key = xasprintf("%s%s%s", prefix, *prefix != '\0' ? "." : "", json_name(member));
        const struct row *row = find_row(key);
        struct buffer value = { 0 };

        if (row == NULL && json_is_object(member))
            read_object(settings, member, key, problems);
        else if (row == NULL)
            buffer_printf(problems, "%s: unknown key\n", key);
        else if (!json_as_text(member, &value))
            buffer_printf(problems, "%s: not a value of the right type\n", key);
        else
            set_value(settings, row, buffer_text(&value), problems);
        buffer_finish(&value);
        free(key);
    }
}

/* The whole file, NUL-terminated, at most FILE_MAX bytes; NULL with errno set. Caller frees. */
static char *read_file(const char *path, size_t *length_out)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        return NULL;
    char *text = xmalloc(FILE_MAX + 2);
    *length_out = fread(text, 1, FILE_MAX + 1, file);
    bool failed = ferror(file) != 0;
    int error = errno;
    fclose(file);
    if (failed || *length_out > FILE_MAX) {
        free(text);
        errno = failed ? error : EFBIG;
        return NULL;
    }
    text[*length_out] = '\0';
    return text;
}

static void load_file(struct settings *settings, const char *path, struct buffer *problems)
{
    size_t length;
    char *text = read_file(path, &length);

    if (text == NULL) {
        buffer_printf(problems, "%s: %s\n", path, strerror(errno));
        return;
    }
    struct json *root = json_parse(text, length);
    if (root == NULL || !json_is_object(root))
        buffer_printf(problems, "%s: not a JSON object\n", path);
    else
        read_object(settings, root, "", problems);
    json_destroy(&root);
    memory_wipe(text, length);
    free(text);
}

static void load_secret_file(struct settings *settings, const struct row *row, const char *name,
                             struct buffer *problems)
{
    char *file_name = xasprintf("%s_FILE", name);
    const char *path = getenv(file_name);
    size_t length;

    if (path != NULL) {
        char *text = read_file(path, &length);
        if (text == NULL) {
            buffer_printf(problems, "%s: %s: %s\n", file_name, path, strerror(errno));
        } else {
            text[strcspn(text, "\r\n")] = '\0';
            set_value(settings, row, text, problems);
            memory_wipe(text, length);
        }
        free(text);
    }
    free(file_name);
}

static void load_environment(struct settings *settings, struct buffer *problems)
{
    for (size_t i = 0; i < ROWS; i++) {
        char name[2 * KEY_MAX];
        env_name(rows[i].key, name);
        const char *value = getenv(name);
        if (rows[i].kind == KIND_SECRET)
            load_secret_file(settings, &rows[i], name, problems);
        if (value != NULL)
            set_value(settings, &rows[i], value, problems);
    }
}

const char *settings_weak_key(const char *key)
{
    return settings_key_weakness(key);
}

static void check_proxies(const struct settings *settings, struct buffer *problems)
{
    char bad[NETWORKS_ENTRY_SIZE];
    struct networks *networks = networks_parse(settings->gateway_trusted_proxies, bad);

    if (networks == NULL)
        buffer_printf(problems,
                      "gateway.trustedProxies: \"%s\" is neither an address nor a range such as "
                      "10.0.0.0/8 or fd00::/8\n",
                      bad);
    networks_destroy(&networks);
}

static bool is_registration_mode(const char *mode)
{
    return strcmp(mode, "open") == 0 || strcmp(mode, "invite") == 0 || strcmp(mode, "closed") == 0;
}

static void check_nats(const struct settings *settings, struct buffer *problems)
{
    struct settings_nats nats = {
        .url = settings->nats_url,
        .user = settings->nats_user,
        .password = settings->nats_password,
        .ca_file = settings->nats_ca_file,
        .cert_file = settings->nats_cert_file,
        .key_file = settings->nats_key_file,
    };

    settings_nats_check(&nats, problems);
}

static void check_settings(const struct settings *settings, struct buffer *problems)
{
    const char *environment = getenv("MESSENGER_ENV");
    const char *key = settings->jwt_private_key;
    enum log_level level;

    if (!log_level_from_name(settings->log_level, &level))
        buffer_printf(problems, "log.level: \"%s\" is none of debug, info, warn, error\n",
                      settings->log_level);
    if (settings->websocket_path[0] != '/')
        buffer_printf(problems, "webSocket.path: must begin with /\n");
    if (!is_registration_mode(settings->registration_mode))
        buffer_printf(problems, "registration.mode: \"%s\" is none of open, invite, closed\n",
                      settings->registration_mode);
    if (*settings->app_url != '\0' && strncmp(settings->app_url, "https://", 8) != 0 &&
        strncmp(settings->app_url, "http://", 7) != 0)
        buffer_printf(problems, "app.url: must begin with https:// or http://\n");
    mail_settings_check(&settings->mail, settings->app_url, settings->registration_prove_email,
                        problems);
    check_nats(settings, problems);
    check_proxies(settings, problems);
    if (environment != NULL && strcmp(environment, "production") == 0 && *key != '\0' &&
        settings_weak_key(key) != NULL)
        buffer_printf(problems, "JWT.privateKey: refused in production: %s\n",
                      settings_weak_key(key));
}

enum status settings_load(const char *file, struct settings *settings_out, struct buffer *problems)
{
    *settings_out = (struct settings){ 0 };
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].kind == KIND_TEXT || rows[i].kind == KIND_SECRET)
            *(char **)(void *)((char *)settings_out + rows[i].offset) = xstrdup(rows[i].initial);
        else
            set_value(settings_out, &rows[i], rows[i].initial, problems);
    }
    if (file != NULL)
        load_file(settings_out, file, problems);
    load_environment(settings_out, problems);
    check_settings(settings_out, problems);
    return problems->length == 0 ? STATUS_OK : STATUS_INVALID_ARGUMENT;
}

void settings_finish(struct settings *settings)
{
    for (size_t i = 0; i < ROWS; i++) {
        char **text = (char **)(void *)((char *)settings + rows[i].offset);
        if (rows[i].kind == KIND_SECRET && *text != NULL)
            memory_wipe(*text, strlen(*text));
        if (rows[i].kind == KIND_TEXT || rows[i].kind == KIND_SECRET)
            free(*text);
    }
    *settings = (struct settings){ 0 };
}

void settings_print(FILE *out)
{
    for (size_t i = 0; i < ROWS; i++) {
        char name[2 * KEY_MAX];
        env_name(rows[i].key, name);
        fprintf(out, "  %-26s %s\n      %s (default: %s)\n", rows[i].key, name, rows[i].meaning,
                *rows[i].initial != '\0' ? rows[i].initial : "empty");
    }
}

bool settings_print_value(const struct settings *settings, const char *key, FILE *out)
{
    const struct row *row = find_row(key);

    if (row == NULL)
        return false;
    const char *field = (const char *)settings + row->offset;
    switch (row->kind) {
    case KIND_TEXT:
        fprintf(out, "%s\n", *(char *const *)(const void *)field);
        break;
    case KIND_SECRET:
        fprintf(out, "%s\n", **(char *const *)(const void *)field != '\0' ? "(set)" : "");
        break;
    case KIND_BOOL:
        fprintf(out, "%s\n", *(const bool *)field ? "true" : "false");
        break;
    case KIND_INT:
    case KIND_SECONDS:
        fprintf(out, "%" PRId64 "\n", *(const int64_t *)(const void *)field);
        break;
    }
    return true;
}
