#include "services/common/process/settings_nats.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char tls_scheme[] = "tls://";
static const char separators[] = ", ";

/* What is missing or unreadable now would otherwise be noticed at the connection only. */
static void check_file(const char *key, const char *path, struct buffer *problems)
{
    FILE *file = *path != '\0' ? fopen(path, "rb") : NULL;

    if (*path == '\0')
        return;
    errno = file == NULL ? errno : 0;
    if (file == NULL || (fgetc(file) == EOF && errno != 0))
        buffer_printf(problems, "%s: %s: %s\n", key, path, strerror(errno));
    else if (feof(file))
        buffer_printf(problems, "%s: %s: the file is empty\n", key, path);
    if (file != NULL)
        fclose(file);
}

static void count_servers(const char *urls, size_t *tls_out, size_t *plain_out)
{
    *tls_out = *plain_out = 0;
    for (urls += strspn(urls, separators); *urls != '\0'; urls += strspn(urls, separators)) {
        bool is_tls = strncmp(urls, tls_scheme, sizeof(tls_scheme) - 1) == 0;
        ++*(is_tls ? tls_out : plain_out);
        urls += strcspn(urls, separators);
    }
}

static void check_tls(const struct settings_nats *nats, struct buffer *problems)
{
    size_t tls, plain;

    count_servers(nats->url, &tls, &plain);
    if (tls > 0 && plain > 0)
        buffer_append_text(problems, "nats.url: either all servers are tls:// or none\n");
    if (tls == 0 && (*nats->ca_file != '\0' || *nats->cert_file != '\0' || *nats->key_file != '\0'))
        buffer_append_text(problems, "nats.caFile, nats.certFile, nats.keyFile: of no use without "
                                     "tls:// in nats.url\n");
    if ((*nats->cert_file == '\0') != (*nats->key_file == '\0'))
        buffer_append_text(problems, "nats.certFile, nats.keyFile: one is set without the other\n");
    check_file("nats.caFile", nats->ca_file, problems);
    check_file("nats.certFile", nats->cert_file, problems);
    check_file("nats.keyFile", nats->key_file, problems);
}

void settings_nats_check(const struct settings_nats *nats, struct buffer *problems)
{
    static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

    /* It becomes a part of subjects: the inbox that only this user may read. */
    if (nats->user[strspn(nats->user, token)] != '\0')
        buffer_append_text(problems, "nats.user: must be letters, digits, - and _\n");
    if ((nats->user[0] == '\0') != (nats->password[0] == '\0'))
        buffer_append_text(problems, "nats.user, nats.password: one is set without the other\n");
    check_tls(nats, problems);
}
