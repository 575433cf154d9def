#ifndef GATEWAY_SOCKET_OUTBOX_H
#define GATEWAY_SOCKET_OUTBOX_H

#include <stddef.h>

#include "gateway/socket/ws_frame_out.h"

/*
 * The frames pending for one socket, in order; the first may be sent in part. A zeroed struct is
 * empty and has no memory. Not thread-safe: the session locks.
 */
struct outbox {
    struct ws_frame_out **ring;
    size_t ring_size, first, count;
    size_t sent;  /* bytes of the first frame that have been sent */
    size_t bytes; /* pending */
};

enum outbox_result {
    OUTBOX_EMPTY,  /* all frames have been sent */
    OUTBOX_WAITS,  /* the socket's buffer is full */
    OUTBOX_BROKEN, /* the socket is gone */
};

/* Takes a reference of its own. */
void outbox_push(struct outbox *outbox, struct ws_frame_out *frame);

/* Sends as much as the socket accepts without blocking. */
enum outbox_result outbox_flush(struct outbox *outbox, int socket);

/* Discards all frames except one that has been sent in part. */
void outbox_drop_unsent(struct outbox *outbox);

void outbox_finish(struct outbox *outbox);

#endif
