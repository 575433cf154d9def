#ifndef COMMON_PROCESS_SETTINGS_H
#define COMMON_PROCESS_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "services/common/base/buffer.h"
#include "services/common/base/status.h"
#include "services/common/process/mail_settings.h"

/*
 * The configuration of all programs: one file and one table (settings.c) for the four of them, so
 * that a single config.json serves the whole installation. Sources, later ones win: the default,
 * the JSON file, the environment variable of the key (app.port is MESSENGER_APP_PORT; secrets may
 * also come from the file that MESSENGER_<KEY>_FILE names). Read once at start, then constant.
 */
struct settings {
    int64_t jwt_expires_in_s;
    char *jwt_private_key; /* "" = none given */
    int64_t cookie_max_age_s;
    bool cookie_secure;

    char *websocket_host; /* address to listen on; "" = all */
    char *websocket_path;
    char *websocket_allowed_origins;   /* separated by commas */
    int64_t websocket_max_connections; /* 0 = by the open-files limit */
    int64_t websocket_max_per_user;
    int64_t websocket_ping_interval_s;
    int64_t app_port;
    char *client_url;
    char *gateway_trusted_proxies; /* as networks_parse takes them */

    char *nats_url;
    char *nats_ca_file;   /* "" = the system's authorities only */
    char *nats_cert_file; /* with nats_key_file; "" = none */
    char *nats_key_file;
    char *nats_user;     /* "" = no log-in; else one token of a subject */
    char *nats_password; /* goes with the user */
    int64_t nats_replicas;
    char *data_directory;
    char *store_users;    /* URL, secret because it may hold a password; "" = SQLite in the data
                             directory */
    char *store_messages; /* likewise */

    int64_t password_min_length;
    int64_t password_hash_memory_kib;
    int64_t password_hash_passes;
    int64_t password_hash_threads; /* 0 = as many as cores */

    int64_t limit_connections_per_address; /* HTTP; 0 = no limit, in all of these */
    int64_t limit_sockets_per_address;
    int64_t limit_failed_logins_per_account; /* before the first wait */
    int64_t limit_failed_logins_per_address; /* an hour */
    int64_t limit_logins_per_minute;         /* per address */
    int64_t limit_signups_per_minute;
    int64_t limit_mails_per_account;                       /* to one e-mail address, an hour */
    int64_t limit_mails_per_address;                       /* that a client causes, an hour */
    int64_t limit_pending_mib, limit_pending_mib_per_user; /* per address */
    int64_t limit_uploads_per_minute;                      /* per user */
    int64_t limit_calls_per_second;                        /* per user */

    char *registration_mode;          /* "open", "invite" or "closed" */
    char *registration_reserved_tags; /* separated by commas */
    int64_t registration_invites_per_user;
    int64_t registration_invite_expires_in_s;
    bool registration_prove_email;
    struct mail_settings mail;
    char *app_url; /* "" = unknown */

    int64_t audit_keep_days; /* 0 = no audit log */
    int64_t audit_max_entries;

    bool contacts_consent;
    bool accounts_erase_messages;

    int64_t rpc_timeout_ms;
    bool rpc_numeric_version;
    int64_t presence_offline_grace_ms;
    char *log_level;
};

/*
 * Reads all sources. `file` may be NULL (none). STATUS_INVALID_ARGUMENT when anything is invalid;
 * then `problems` has one line for each problem. Free with settings_finish in either case.
 */
enum status settings_load(const char *file, struct settings *settings_out,
                          struct buffer *problems) MUST_CHECK;
void settings_finish(struct settings *settings);

/* Prints the table: key, environment variable, default, meaning. */
void settings_print(FILE *out);

/* Prints the value of a key on a line; for a secret "(set)" or an empty line. False: no such
 * key. */
bool settings_print_value(const struct settings *settings, const char *key, FILE *out);

/* Why this JWT key is weak; NULL when it is not. */
const char *settings_weak_key(const char *key);

#endif
