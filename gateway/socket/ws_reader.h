#ifndef GATEWAY_SOCKET_WS_READER_H
#define GATEWAY_SOCKET_WS_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/socket/ws_assemble.h"
#include "services/common/base/buffer.h"

/*
 * Turns the bytes of one client into frames, and frames into texts. A zeroed struct is ready, and
 * has no memory while nothing is pending; pending bytes are bounded by one frame of WS_MESSAGE_MAX
 * bytes and one read. One thread at a time.
 */
struct ws_reader {
    struct ws_assembly assembly;
    struct buffer kept; /* unparsed bytes, while reading is paused */
    unsigned char *at;  /* the first unparsed byte, in `kept` or in the caller's buffer */
    size_t left;        /* bytes from `at` on */
    /* Set by the caller, from the socket loop's events: */
    bool socket_has_more; /* or may have more; cleared by ws_reader_fill */
    bool socket_ended;    /* the end of the stream follows the bytes it has */
};

/*
 * Reads once from a socket, without blocking, into `scratch` or behind the kept bytes. False at the
 * end of the stream, or when the socket is broken. Only after ws_reader_next returned WS_NOTHING.
 */
bool ws_reader_fill(struct ws_reader *reader, int socket, void *scratch, size_t size);

/* The same with bytes that have been read already. They are modified, and borrowed until the next
 * call of this, ws_reader_fill or ws_reader_keep. */
void ws_reader_take(struct ws_reader *reader, void *bytes, size_t length);

/* The next input of the client, borrowed until the next call. WS_NOTHING: more bytes are needed.
 * After WS_REFUSE or WS_CLOSE nothing more may be read. */
struct ws_input ws_reader_next(struct ws_reader *reader);

/* Whether there are unparsed bytes, or the socket may have more. */
bool ws_reader_has_more(const struct ws_reader *reader);

/* Pauses reading: copies the unparsed bytes, if any. */
void ws_reader_keep(struct ws_reader *reader);

void ws_reader_finish(struct ws_reader *reader);

#endif
