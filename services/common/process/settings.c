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
#include "services/common/process/settings_rows.h"

enum { FILE_MAX = 64 * 1024, KEY_MAX = 64 };
#define ENV_PREFIX "MESSENGER_"

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

static const struct settings_row *find_row(const char *key)
{
    for (size_t i = 0; i < settings_row_count; i++)
        if (strcmp(settings_rows[i].key, key) == 0)
            return &settings_rows[i];
    return NULL;
}

static void set_text(struct settings *settings, const struct settings_row *row, const char *value,
                     struct buffer *problems)
{
    char **field = (char **)((char *)settings + row->offset);
    size_t length = strlen(value);

    if (length < (size_t)row->min || length > (size_t)row->max) {
        buffer_printf(problems, "%s: must have %" PRId64 " to %" PRId64 " bytes\n", row->key,
                      row->min, row->max);
        return;
    }
    if (row->kind == SETTINGS_TEXT && text_has_control(value)) {
        buffer_printf(problems, "%s: must not contain control characters\n", row->key);
        return;
    }
    free(*field);
    *field = xstrdup(value);
}

static void set_value(struct settings *settings, const struct settings_row *row, const char *value,
                      struct buffer *problems)
{
    char *field = (char *)settings + row->offset;
    int64_t number;

    switch (row->kind) {
    case SETTINGS_TEXT:
    case SETTINGS_SECRET:
        set_text(settings, row, value, problems);
        return;
    case SETTINGS_INT:
        if (!text_to_int(value, row->min, row->max, (int64_t *)(void *)field))
            buffer_printf(problems,
                          "%s: \"%s\" is not a whole number from %" PRId64 " to %" PRId64 "\n",
                          row->key, value, row->min, row->max);
        return;
    case SETTINGS_SECONDS:
        if (text_to_seconds(value, &number) && number >= row->min && number <= row->max)
            *(int64_t *)(void *)field = number;
        else
            buffer_printf(problems,
                          "%s: \"%s\" is not a duration such as 72h, 30m, \"2 days\" or "
                          "a number of seconds\n",
                          row->key, value);
        return;
    case SETTINGS_BOOL:
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
        const struct settings_row *row = find_row(key);
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

static void load_secret_file(struct settings *settings, const struct settings_row *row,
                             const char *name, struct buffer *problems)
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
    for (size_t i = 0; i < settings_row_count; i++) {
        char name[2 * KEY_MAX];
        env_name(settings_rows[i].key, name);
        const char *value = getenv(name);
        if (settings_rows[i].kind == SETTINGS_SECRET)
            load_secret_file(settings, &settings_rows[i], name, problems);
        if (value != NULL)
            set_value(settings, &settings_rows[i], value, problems);
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
    for (size_t i = 0; i < settings_row_count; i++) {
        if (settings_rows[i].kind == SETTINGS_TEXT || settings_rows[i].kind == SETTINGS_SECRET)
            *(char **)(void *)((char *)settings_out + settings_rows[i].offset) =
                xstrdup(settings_rows[i].initial);
        else
            set_value(settings_out, &settings_rows[i], settings_rows[i].initial, problems);
    }
    if (file != NULL)
        load_file(settings_out, file, problems);
    load_environment(settings_out, problems);
    check_settings(settings_out, problems);
    return problems->length == 0 ? STATUS_OK : STATUS_INVALID_ARGUMENT;
}

void settings_finish(struct settings *settings)
{
    for (size_t i = 0; i < settings_row_count; i++) {
        char **text = (char **)(void *)((char *)settings + settings_rows[i].offset);
        if (settings_rows[i].kind == SETTINGS_SECRET && *text != NULL)
            memory_wipe(*text, strlen(*text));
        if (settings_rows[i].kind == SETTINGS_TEXT || settings_rows[i].kind == SETTINGS_SECRET)
            free(*text);
    }
    *settings = (struct settings){ 0 };
}

void settings_print(FILE *out)
{
    for (size_t i = 0; i < settings_row_count; i++) {
        char name[2 * KEY_MAX];
        env_name(settings_rows[i].key, name);
        fprintf(out, "  %-26s %s\n      %s (default: %s)\n", settings_rows[i].key, name,
                settings_rows[i].meaning,
                *settings_rows[i].initial != '\0' ? settings_rows[i].initial : "empty");
    }
}

bool settings_print_value(const struct settings *settings, const char *key, FILE *out)
{
    const struct settings_row *row = find_row(key);

    if (row == NULL)
        return false;
    const char *field = (const char *)settings + row->offset;
    switch (row->kind) {
    case SETTINGS_TEXT:
        fprintf(out, "%s\n", *(char *const *)(const void *)field);
        break;
    case SETTINGS_SECRET:
        fprintf(out, "%s\n", **(char *const *)(const void *)field != '\0' ? "(set)" : "");
        break;
    case SETTINGS_BOOL:
        fprintf(out, "%s\n", *(const bool *)field ? "true" : "false");
        break;
    case SETTINGS_INT:
    case SETTINGS_SECONDS:
        fprintf(out, "%" PRId64 "\n", *(const int64_t *)(const void *)field);
        break;
    }
    return true;
}
