#ifndef GATEWAY_EDGE_CHUNKED_H
#define GATEWAY_EDGE_CHUNKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/buffer.h"

/*
 * Decodes a body of the transfer coding "chunked" (RFC 9112 section 7.1), in pieces of any size.
 * Extensions of chunks and the trailer are checked and discarded; together with the sizes they are
 * bounded by CHUNKED_EXTRA_MAX bytes plus a share of the data, so that a body of tiny chunks costs
 * no more than its kind. Pure.
 */
enum { CHUNKED_EXTRA_MAX = 16 * 1024 };

enum chunked_state {
    CHUNKED_SIZE,      /* before the first digit of a size */
    CHUNKED_DIGITS,    /* in it */
    CHUNKED_SPACE,     /* white space behind it: only before a semicolon */
    CHUNKED_EXTENSION, /* behind a semicolon */
    CHUNKED_SIZE_END,  /* LF is due */
    CHUNKED_DATA,
    CHUNKED_DATA_CR, /* CR, then LF are due */
    CHUNKED_DATA_LF,
    CHUNKED_LINE,        /* at the beginning of a line of the trailer */
    CHUNKED_NAME,        /* in the name of a field */
    CHUNKED_VALUE,       /* in its value */
    CHUNKED_LINE_END,    /* LF is due */
    CHUNKED_TRAILER_END, /* the last LF is due */
    CHUNKED_COMPLETE,
};

/* Zeroed before the first byte. */
struct chunked {
    enum chunked_state state;
    bool is_quoted, is_escaped; /* in a quoted string of an extension */
    uint64_t left;              /* of the chunk */
    uint64_t extra, data;       /* bytes beside the data, and of it */
};

enum chunked_result { CHUNKED_MORE, CHUNKED_DONE, CHUNKED_BROKEN, CHUNKED_TOO_LARGE };

/* Decodes until the end of the body or of the bytes. `*used_out`: how many were consumed. Appends
 * to `body` until it has `max` bytes; more are CHUNKED_TOO_LARGE. */
enum chunked_result chunked_decode(struct chunked *chunked, const char *bytes, size_t length,
                                   size_t *used_out, size_t max, struct buffer *body);

#endif
