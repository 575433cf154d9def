#ifndef COMMON_BUS_BUS_PARTS_H
#define COMMON_BUS_BUS_PARTS_H

/* What a bus consists of; for the files of this folder that use more than one part. */

#include <nats/nats.h>
#include <pthread.h>
#include <stdatomic.h>

#include "services/common/base/status.h"
#include "services/common/bus/bus_inbound.h"
#include "services/common/bus/bus_loop.h"
#include "services/common/bus/bus_replies.h"
#include "services/common/bus/bus_sender.h"

enum { BUS_INBOX_SIZE = 96 };

struct bus {
    natsConnection *nats;
    natsOptions *options;
    void (*on_connect)(void *ctx);
    void (*on_refused)(void *ctx);
    void (*on_denied)(void *ctx);
    void (*on_loss)(void *ctx);
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t closed_cond;
    bool closed;
    atomic_bool connected;
    atomic_bool closing; /* by bus_destroy */
    char inbox[BUS_INBOX_SIZE];
    natsSubscription *inbox_subscription;
    struct bus_replies *replies;
    struct bus_inbound *inbound;
    struct bus_loop *loop;
    struct bus_sender *sender;
};

/* The library's status in the terms of the program. */
enum status bus_parts_status(natsStatus status);

/* An outgoing message; the caller owns it. `reply_to` may be NULL. */
natsStatus bus_parts_message(const char *subject, const char *reply_to,
                             const struct bus_header *headers, size_t header_count,
                             const void *data, size_t length, natsMsg **message_out);

#endif
