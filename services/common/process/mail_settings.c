#include "services/common/process/mail_settings.h"

#include <arpa/inet.h>
#include <string.h>

#include "services/common/base/mail_address.h"
#include "services/common/base/text.h"

enum { PORT_SUBMISSION = 587, PORT_SUBMISSIONS = 465, PORT_MAX = 65535 }; /* RFC 8314 */

static const char name_characters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

/* --- the server ---------------------------------------------------------------------------- */

/* Reads "host" or "[address]"; what follows it, or NULL. */
static const char *read_host(const char *at, char host_out[MAIL_SETTINGS_HOST_SIZE])
{
    struct in6_addr address;
    bool in_brackets = *at == '[';

    at += in_brackets;
    size_t length = in_brackets ? strcspn(at, "]") : strspn(at, name_characters);
    if (length == 0 || length >= MAIL_SETTINGS_HOST_SIZE || (in_brackets && at[length] != ']'))
        return NULL;
    memcpy(host_out, at, length);
    host_out[length] = '\0';
    if (in_brackets && inet_pton(AF_INET6, host_out, &address) != 1)
        return NULL;
    return at + length + in_brackets;
}

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcmp(host, "localhost") == 0;
}

static enum mail_tls tls_of(const struct mail_settings *mail, const char *host, bool from_start)
{
    if (from_start)
        return MAIL_TLS_FROM_START;
    if (is_loopback(host) && mail->ca_file[0] == '\0')
        return MAIL_TLS_NOT_NEEDED;
    return mail->allow_plaintext ? MAIL_TLS_IF_OFFERED : MAIL_TLS_REQUIRED;
}

bool mail_settings_server(const struct mail_settings *mail, struct mail_server *server_out)
{
    static const char smtp[] = "smtp://", smtps[] = "smtps://";
    bool from_start = strncmp(mail->smtp_url, smtps, sizeof(smtps) - 1) == 0;

    if (!from_start && strncmp(mail->smtp_url, smtp, sizeof(smtp) - 1) != 0)
        return false;
    const char *at = read_host(mail->smtp_url + (from_start ? sizeof(smtps) : sizeof(smtp)) - 1,
                               server_out->host);
    if (at == NULL)
        return false;
    server_out->port = from_start ? PORT_SUBMISSIONS : PORT_SUBMISSION;
    if (*at == ':') {
        char port[8] = "";
        size_t length = strcspn(++at, "/");
        memcpy(port, at, length < sizeof(port) - 1 ? length : sizeof(port) - 1);
        if (!text_to_int(port, 1, PORT_MAX, &server_out->port) || length >= sizeof(port))
            return false;
        at += length;
    }
    server_out->tls = tls_of(mail, server_out->host, from_start);
    return *at == '\0' || strcmp(at, "/") == 0;
}

/* --- the check ----------------------------------------------------------------------------- */

static bool is_ascii(const char *text)
{
    while (*text != '\0' && (unsigned char)*text < 0x80)
        text++;
    return *text == '\0';
}

void mail_settings_check(const struct mail_settings *mail, const char *app_url, bool proves,
                         struct buffer *problems)
{
    struct mail_server server;

    if (mail->smtp_url[0] == '\0') {
        if (proves)
            buffer_append_text(problems, "registration.proveEmail: needs mail.smtpUrl\n");
        return;
    }
    if (!mail_settings_server(mail, &server))
        buffer_append_text(problems,
                           "mail.smtpUrl: must be like smtp://host:587 or smtps://host:465\n");
    if (!mail_address_is_valid(mail->from) || !is_ascii(mail->from))
        buffer_append_text(problems,
                           "mail.from: must be an address such as messenger@example.org\n");
    if ((mail->user[0] == '\0') != (mail->password[0] == '\0'))
        buffer_append_text(problems, "mail.user, mail.password: one is set without the other\n");
    if (app_url[0] == '\0')
        buffer_append_text(problems, "app.url: must be set with mail.smtpUrl, for the links\n");
}
