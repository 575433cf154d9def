#include "services/common/bus/bus_tls.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/ssl_hook.h"

enum { HANDSHAKE_MS = 2000, REPEAT_MS = 30000, REASON_SIZE = 128 };

static const char scheme[] = "tls://";

bool bus_tls_is_url(const char *urls)
{
    return strncmp(urls + strspn(urls, ", "), scheme, sizeof(scheme) - 1) == 0;
}

static bool is_given(const char *file)
{
    return file != NULL && file[0] != '\0';
}

natsStatus bus_tls_set(natsOptions *options, const char *urls, const struct bus_tls *tls)
{
    natsStatus s = NATS_OK;

    if (bus_tls_is_url(urls))
        s = natsOptions_SetSecure(options, true);
    if (s == NATS_OK && is_given(tls->ca_file))
        s = natsOptions_LoadCATrustedCertificates(options, tls->ca_file);
    if (s == NATS_OK && is_given(tls->cert_file))
        s = natsOptions_LoadCertificatesChain(options, tls->cert_file, tls->key_file);
    if (s != NATS_OK)
        log_error("cannot use TLS to NATS: %s", nats_GetLastError(NULL));
    return s;
}

/* --- failures ------------------------------------------------------------------------------ */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static void (*on_failed)(void *ctx, const char *reason);
static void *on_failed_ctx;
static char last_reason[REASON_SIZE];
static int64_t logged_us;

static bool is_news_locked(const char *reason)
{
    int64_t now_us = clock_mono_us();

    if (strcmp(reason, last_reason) == 0 && now_us - logged_us < REPEAT_MS * 1000LL)
        return false;
    snprintf(last_reason, sizeof(last_reason), "%s", reason);
    logged_us = now_us;
    return true;
}

void bus_tls_report(const char *reason)
{
    char text[REASON_SIZE];

    snprintf(text, sizeof(text), "%s", reason);
    pthread_mutex_lock(&lock);
    bool is_news = is_news_locked(text);
    void (*failed)(void *, const char *) = on_failed;
    void *ctx = on_failed_ctx;
    pthread_mutex_unlock(&lock);
    if (is_news)
        log_error("TLS to NATS fails: %s", text);
    if (failed != NULL)
        failed(ctx, text);
}

void bus_tls_watch(void (*failed)(void *ctx, const char *reason), void *ctx)
{
    pthread_mutex_lock(&lock);
    on_failed = failed;
    on_failed_ctx = ctx;
    last_reason[0] = '\0';
    pthread_mutex_unlock(&lock);
    ssl_hook_watch(HANDSHAKE_MS, bus_tls_report);
}
