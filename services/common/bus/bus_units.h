#ifndef COMMON_BUS_BUS_UNITS_H
#define COMMON_BUS_BUS_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "services/common/base/buffer.h"

/*
 * Splits the bytes from a NATS server into units of its protocol, a line or a message with its
 * payload, and returns complete ones only. With an external event loop the library keeps the state
 * of its parser when a connection breaks, and reads the first bytes of the next connection as the
 * rest of the incomplete message; so it must never read the beginning of an incomplete one.
 * (https://docs.nats.io/reference/reference-protocols/nats-protocol)
 *
 * For one thread at a time. A zeroed struct is empty.
 */
struct bus_units {
    struct buffer bytes;
    size_t given; /* bytes that have been returned */
    size_t whole; /* bytes of complete units */
    size_t next;  /* the length with which the next unit is complete; 0: unknown */
};

enum {
    UNITS_READ_BYTES = 65536,           /* for each read */
    UNITS_LINE_BYTES_MAX = 1024 * 1024, /* INFO names all servers of a cluster */
    UNITS_PAYLOAD_BYTES_MAX =
        64 * 1024 * 1024, /* the maximum that a server can be configured to allow */
};

/* Reads from the server as recv() does from a non-blocking socket. */
typedef ssize_t bus_units_read(void *ctx, void *buffer, size_t size);

/*
 * As recv(), for a non-blocking socket: returns bytes of complete units, after calling `read` once
 * if there are none. -1 with EAGAIN when there is still none, with EBADMSG when the bytes are not
 * NATS's protocol.
 */
ssize_t bus_units_receive(struct bus_units *units, bus_units_read *read, void *ctx, void *out,
                          size_t size);

/* Whether more can be returned without reading. */
bool bus_units_remain(const struct bus_units *units);

/* For another connection: discards an incomplete unit. */
void bus_units_forget_rest(struct bus_units *units);

void bus_units_finish(struct bus_units *units);

#endif
