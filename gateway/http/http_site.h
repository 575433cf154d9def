#ifndef GATEWAY_HTTP_HTTP_SITE_H
#define GATEWAY_HTTP_HTTP_SITE_H

#include <semaphore.h>
#include <stdatomic.h>

#include "services/common/process/settings.h"

/* What http/ uses of other folders. Filled by main.c before the server starts, constant
 * afterwards; all borrowed. */
struct http_site {
    const struct settings *settings;
    const atomic_bool *stopping;
    struct bus *bus;
    struct image_cache *images;
    struct presence_reporter *reporter;
    const struct networks *trusted_proxies;     /* whose X-Forwarded headers are trusted */
    struct ratelimit *logins, *signups, *mails; /* by client address */
    struct places *connections;                 /* by client address */
    struct ratelimit *uploads;                  /* by user */
    sem_t *decoding_slots;                      /* pictures decoded at a time */
};

#endif
