#ifndef COMMON_PROCESS_MAIL_SETTINGS_H
#define COMMON_PROCESS_MAIL_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "services/common/base/buffer.h"

/* The part of the settings that is about mail: the keys mail.*. */
struct mail_settings {
    char *smtp_url; /* smtp://host[:587] or smtps://host[:465]; "" = no mail is sent */
    char *user;     /* "" = no log-in */
    char *password; /* goes with the user */
    char *ca_file;  /* "" = the certificates of the system */
    char *from;     /* an address; "" = none given */
    bool allow_plaintext;
};

enum { MAIL_SETTINGS_HOST_SIZE = 256 };
enum mail_tls {
    MAIL_TLS_FROM_START, /* smtps:// */
    MAIL_TLS_REQUIRED,   /* by STARTTLS, or nothing is sent */
    MAIL_TLS_IF_OFFERED, /* mail.allowPlaintext */
    MAIL_TLS_NOT_NEEDED, /* the server is on this machine, and no mail.caFile is given */
};

/* What `smtp_url` means. */
struct mail_server {
    char host[MAIL_SETTINGS_HOST_SIZE]; /* a name or an address, IPv6 without brackets */
    int64_t port;
    enum mail_tls tls;
};

/* False when `smtp_url` is not of the two forms above. */
bool mail_settings_server(const struct mail_settings *mail, struct mail_server *server_out);

/* Appends a line for each problem. Without `smtp_url`, only `proves` (registration.proveEmail) may
 * be one. `app_url` is that of the links. */
void mail_settings_check(const struct mail_settings *mail, const char *app_url, bool proves,
                         struct buffer *problems);

#endif
