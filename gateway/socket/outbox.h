#ifndef GATEWAY_SOCKET_OUTBOX_H
#define GATEWAY_SOCKET_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/socket/ws_frame_out.h"

/*
 * What waits to be sent to one socket: frames in order, the first of them perhaps sent in part.
 * A zeroed struct is empty and takes no memory. Not thread-safe: the session locks.
 */
struct outbox {
    struct ws_frame_out **ring;
    size_t ring_size, first, count;
    size_t sent;  /* bytes of the first frame that are gone */
    size_t bytes; /* that wait */
};

enum outbox_result {
    OUTBOX_EMPTY,  /* all is sent */
    OUTBOX_WAITS,  /* the socket takes no more now */
    OUTBOX_BROKEN, /* the socket is gone */
};

/* Takes a reference of its own. */
void outbox_push(struct outbox *outbox, struct ws_frame_out *frame);

/* Sends as much as the socket takes without blocking. */
enum outbox_result outbox_flush(struct outbox *outbox, int socket);

/* Forgets every frame but one that has been sent in part. */
void outbox_drop_unsent(struct outbox *outbox);

void outbox_finish(struct outbox *outbox);

#endif
