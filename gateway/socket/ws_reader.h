#ifndef GATEWAY_SOCKET_WS_READER_H
#define GATEWAY_SOCKET_WS_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/socket/ws_assemble.h"
#include "services/common/base/buffer.h"

/*
 * What comes from one client: bytes, cut into frames, joined into texts. A zeroed struct is ready,
 * and takes no memory while nothing waits in it; what waits is bounded by a frame of
 * WS_MESSAGE_MAX bytes and by what was read last. One thread.
 */
struct ws_reader {
    struct ws_assembly assembly;
    struct buffer kept; /* bytes whose turn is to come, while nobody reads */
    unsigned char *at;  /* what has not been looked at, in `kept` or where it was read to */
    size_t left;        /* bytes from there on */
    /* Set by whoever hears so: */
    bool socket_has_more; /* or may have; cleared by ws_reader_fill */
    bool socket_ended;    /* behind what it has is the end of the stream */
};

/*
 * Reads once from a socket, without blocking: into `scratch`, or behind what is kept. False at the
 * end of the stream, or when the socket is broken. Only after ws_reader_next has found nothing.
 */
bool ws_reader_fill(struct ws_reader *reader, int socket, void *scratch, size_t size);

/* The same with bytes that are there already; they are changed, and borrowed until the next call
 * of this, ws_reader_fill or ws_reader_keep. */
void ws_reader_take(struct ws_reader *reader, void *bytes, size_t length);

/* The next of what the client has said, borrowed until the next call. WS_NOTHING: not there yet.
 * After WS_REFUSE or WS_CLOSE nothing more is to be read. */
struct ws_input ws_reader_next(struct ws_reader *reader);

/* Is there anything to go on with? */
bool ws_reader_has_more(const struct ws_reader *reader);

/* Reading stops for a while: what was read and not looked at is kept. */
void ws_reader_keep(struct ws_reader *reader);

void ws_reader_finish(struct ws_reader *reader);

#endif
