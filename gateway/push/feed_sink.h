#ifndef GATEWAY_PUSH_FEED_SINK_H
#define GATEWAY_PUSH_FEED_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include "event.pb-c.h"

/* Where the feeds push to: the sockets of each user. None of the functions may block. */
struct feed_sink {
    /* To all sockets of a user, in order. */
    void (*push)(void *ctx, const char *key, const Messenger__Notification *notification);
    /* Adds the number of the user's sockets that have read most of what was pushed to them, and of
     * those that have not. */
    void (*count_calm)(void *ctx, const char *key, size_t *calm_out, size_t *busy_out);
    /* Whether more may be pushed: false when all of the user's sockets are far behind. */
    bool (*has_space)(void *ctx, const char *key);
    /* The changes that a user (NULL: each user) has missed cannot be fetched, because the store is
     * another one: the sockets must close, so that their clients read their lists again. */
    void (*lose)(void *ctx, const char *key);
    void *ctx;
};

#endif
