#ifndef COMMON_PROCESS_SETTINGS_DATA_H
#define COMMON_PROCESS_SETTINGS_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "services/common/process/mail_settings.h"

/* The values of the settings (settings.h), whose meaning is in settings_rows.c. Texts are owned. */
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
    int64_t limit_message_kib_per_minute, limit_stored_mib_per_user; /* per user */
    int64_t limit_uploads_per_minute;                                /* per user */
    int64_t limit_calls_per_second;                                  /* per user */

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
    int64_t messages_keep_days; /* 0: for ever */
    int64_t store_low_disk_mib; /* 0: not watched */

    int64_t rpc_timeout_ms;
    bool rpc_numeric_version;
    int64_t presence_offline_grace_ms;
    char *log_level;
};

#endif
