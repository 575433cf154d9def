#ifndef GATEWAY_H
#define GATEWAY_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "gateway/api/client_calls.h"
#include "gateway/push/resync.h"
#include "gateway/push/deliver.h"
#include "gateway/http/http_server.h"
#include "gateway/image/image_cache.h"
#include "gateway/push/presence_reporter.h"
#include "gateway/limits/ratelimit.h"
#include "gateway/push/recent_numbers.h"
#include "gateway/socket/registry.h"
#include "gateway/socket/socket_loop.h"
#include "services/common/bus/bus.h"
#include "services/common/base/networks.h"
#include "services/common/bus/bus_subscription.h"
#include "services/common/rpc/rpc_monitor.h"
#include "services/common/process/settings.h"

/* What this process consists of. Made in main.c, constant afterwards; its parts lock themselves. */
enum { GATEWAY_ID_HEX = 16, UPLOADS_AT_ONCE = 4 };

struct gateway {
    const struct settings *settings;
    struct bus *bus;
    char id[GATEWAY_ID_HEX + 1]; /* fresh at each start */
    atomic_ullong next_session;
    atomic_bool stopping;

    struct socket_loop *loop;
    bool has_bus; /* whose work the loop does, too */
    struct calls *calls;
    struct deliver *deliver;
    struct registry *registry;
    struct presence_agent *agent;
    struct catch_up *catch_up;
    struct http_server *server;
    struct rpc_monitor *monitor;
    struct image_cache *images;
    struct bus_subscription *logout_subscription;
    struct recent *logouts; /* ids of the tokens revoked lately */

    struct ratelimit *logins, *signups;      /* by address */
    struct ratelimit *uploads, *calls_limit; /* by user */
    sem_t upload_slots;                      /* uploads are held in memory: few at a time */
    struct networks *trusted_proxies;        /* who may say where a request came from */
};

#endif
