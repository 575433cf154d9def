#ifndef COMMON_BUS_BUS_UNITS_H
#define COMMON_BUS_BUS_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "services/common/base/buffer.h"

/*
 * Cuts what comes from a NATS server into units of its protocol, a line or a message with its
 * payload, and gives out whole ones only. The library, when it is used with an event loop, keeps
 * the state of its parser when a connection breaks, and reads the first bytes of the next as the
 * rest of the message that was cut off; so it must never have seen the begin of one that has no
 * end. (https://docs.nats.io/reference/reference-protocols/nats-protocol)
 *
 * One thread at a time. Zeroes are a beginning.
 */
struct bus_units {
    struct buffer bytes;
    size_t given; /* out, of the bytes */
    size_t whole; /* up to here there are whole units */
    size_t next;  /* how long the bytes must be for the next whole unit, if known; 0 = not known */
};

enum {
    UNITS_READ_BYTES = 65536,           /* are read at a time */
    UNITS_LINE_BYTES_MAX = 1024 * 1024, /* INFO names all servers of a cluster */
    UNITS_PAYLOAD_BYTES_MAX =
        64 * 1024 * 1024, /* the maximum that a server can be configured to allow */
};

/*
 * As recv(), for a socket that does not block: gives out what is there in whole units, after
 * reading once if nothing is. -1 with EAGAIN when there is none, with EBADMSG when what comes
 * cannot be NATS's protocol.
 */
ssize_t bus_units_receive(struct bus_units *units, int fd, void *out, size_t size);

/* More can be given out without reading. */
bool bus_units_remain(const struct bus_units *units);

/* Another connection: a unit that has not come whole will not come any more. */
void bus_units_forget_rest(struct bus_units *units);

void bus_units_finish(struct bus_units *units);

#endif
