#ifndef COMMON_BUS_BUS_MESSAGE_H
#define COMMON_BUS_BUS_MESSAGE_H

#include <stddef.h>

#include "services/common/base/status.h"

/* A message received from the bus. One thread at a time; destroyed by its owner. */
struct bus_message;

struct bus_header {
    const char *name;
    const char *value; /* without CR or LF */
};

/* All borrowed from the message. A missing header is NULL. */
const char *bus_message_subject(const struct bus_message *message);
const char *bus_message_reply_to(const struct bus_message *message); /* NULL: no reply wanted */
const void *bus_message_data(const struct bus_message *message);
size_t bus_message_length(const struct bus_message *message);
const char *bus_message_header(const struct bus_message *message, const char *name);

/* Sets `*message` to NULL; NULL is allowed. */
void bus_message_destroy(struct bus_message **message);

/*
 * The handler of a subscription (bus_subscription.h). Called on the thread that reads for the bus,
 * messages in the order in which they arrive; must not block, nor wait for anything that arrives by
 * the bus. Owns the message and destroys it, now or later.
 */
typedef void bus_handler(void *ctx, struct bus_message *message_take);

/* The handler of a request (bus_request.h). Called exactly once; must neither block nor use the
 * bus. On STATUS_OK it destroys the reply; otherwise there is none. */
typedef void bus_reply_handler(void *ctx, enum status status, struct bus_message *reply_take);

#endif
