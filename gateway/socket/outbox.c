#define _GNU_SOURCE /* struct iovec and sendmsg with MSG_DONTWAIT */
#include "gateway/socket/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "services/common/base/memory.h"

enum { GATHER_MAX = 16 };

static struct ws_frame_out **ring_slot(const struct outbox *outbox, size_t index)
{
    return &outbox->ring[(outbox->first + index) % outbox->ring_size];
}

static void grow_ring(struct outbox *outbox)
{
    size_t size = outbox->ring_size == 0 ? 4 : outbox->ring_size * 2;
    struct ws_frame_out **ring = xcalloc(size, sizeof(*ring));

    for (size_t i = 0; i < outbox->count; i++)
        ring[i] = *ring_slot(outbox, i);
    free(outbox->ring);
    outbox->ring = ring;
    outbox->ring_size = size;
    outbox->first = 0;
}

void outbox_push(struct outbox *outbox, struct ws_frame_out *frame)
{
    if (outbox->count == outbox->ring_size)
        grow_ring(outbox);
    *ring_slot(outbox, outbox->count) = ws_frame_out_ref(frame);
    outbox->count++;
    outbox->bytes += frame->length;
}

static void pop_frame(struct outbox *outbox)
{
    ws_frame_out_unref(ring_slot(outbox, 0));
    outbox->first = (outbox->first + 1) % outbox->ring_size;
    outbox->count--;
    outbox->sent = 0;
}

/* `n` bytes have been sent. */
static void advance_frames(struct outbox *outbox, size_t n)
{
    outbox->bytes -= n;
    while (n > 0) {
        size_t rest = (*ring_slot(outbox, 0))->length - outbox->sent;
        if (n < rest) {
            outbox->sent += n;
            return;
        }
        n -= rest;
        pop_frame(outbox);
    }
}

enum outbox_result outbox_flush(struct outbox *outbox, int socket)
{
    while (outbox->count > 0) {
        struct iovec parts[GATHER_MAX];
        struct msghdr message = { .msg_iov = parts };
        for (size_t i = 0; i < outbox->count && i < GATHER_MAX; i++) {
            struct ws_frame_out *frame = *ring_slot(outbox, i);
            size_t skip = i == 0 ? outbox->sent : 0;
            parts[i] = (struct iovec){ frame->bytes + skip, frame->length - skip };
            message.msg_iovlen++;
        }
        ssize_t n = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? OUTBOX_WAITS : OUTBOX_BROKEN;
        advance_frames(outbox, (size_t)n);
    }
    /* A socket that keeps up needs no memory. */
    free(outbox->ring);
    *outbox = (struct outbox){ 0 };
    return OUTBOX_EMPTY;
}

void outbox_drop_unsent(struct outbox *outbox)
{
    size_t keep = outbox->sent > 0 ? 1 : 0;

    while (outbox->count > keep) {
        outbox->count--;
        outbox->bytes -= (*ring_slot(outbox, outbox->count))->length;
        ws_frame_out_unref(ring_slot(outbox, outbox->count));
    }
}

void outbox_finish(struct outbox *outbox)
{
    while (outbox->count > 0)
        pop_frame(outbox);
    free(outbox->ring);
    *outbox = (struct outbox){ 0 };
}
