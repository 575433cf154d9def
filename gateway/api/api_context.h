#ifndef GATEWAY_API_API_CONTEXT_H
#define GATEWAY_API_API_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What api/ uses of other folders. Filled by main.c before the first call, constant afterwards;
 * all borrowed. */
struct api_context {
    struct bus *bus;
    struct deliver *deliver;
    struct resync *resync;
    struct ratelimit *call_limit; /* by user */
    struct ratelimit *text_limit; /* bytes of messages, by user */
    struct byte_budget *budget;
    int64_t rpc_timeout_ms;
    bool consent;             /* the setting contacts.consent */
    bool numeric_version;     /* "jsonrpc":2 in answers, as the original server wrote it */
    size_t calls_pending_max; /* for a thread; one socket has one call in progress */
};

#endif
