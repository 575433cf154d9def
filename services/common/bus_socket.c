#define _GNU_SOURCE /* struct iovec */
#include "services/common/bus_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "services/common/buffer.h"

static _Thread_local struct {
    bool gathering;
    struct buffer *kept; /* NULL: this thread sends as usual */
} gather;

void bus_socket_gather(struct buffer *kept)
{
    gather.gathering = true;
    gather.kept = kept;
}

void bus_socket_send_last(void)
{
    gather.gathering = false;
}

void bus_socket_end(void)
{
    gather.gathering = false;
    if (gather.kept != NULL)
        buffer_clear(gather.kept);
    gather.kept = NULL;
}

/* Waits until the socket takes more; the connection's lock is held, as when the library waits. */
static bool wait_until_writable(int fd)
{
    struct pollfd poller = { .fd = fd, .events = POLLOUT };

    return poll(&poller, 1, -1) >= 0 || errno == EINTR;
}

/* All that is kept, and then as much of `data` as the socket takes; how much that is, or -1. */
static ssize_t send_kept(int fd, const void *data, size_t size, int flags)
{
    struct buffer *kept = gather.kept;
    size_t sent = 0;

    while (sent < kept->length) {
        struct iovec parts[] = { { kept->data + sent, kept->length - sent },
                                 { (void *)(uintptr_t)data, size } };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
        ssize_t n = sendmsg(fd, &message, flags);
        if (n >= 0)
            sent += (size_t)n;
        else if (errno != EINTR &&
                 ((errno != EAGAIN && errno != EWOULDBLOCK) || !wait_until_writable(fd)))
            break;
    }
    bool all = sent >= kept->length;
    size_t of_data = all ? sent - kept->length : 0;
    buffer_clear(kept);
    if (!all)
        return -1;
    if (of_data > 0 || size == 0)
        return (ssize_t)of_data;
    return sendto(fd, data, size, flags, NULL, 0);
}

/* Seen by the libraries, unlike everything else of this program. */
#define EXPORTED __attribute__((visibility("default")))

EXPORTED ssize_t send(int fd, const void *data, size_t size, int flags)
{
    if (gather.gathering) {
        buffer_append(gather.kept, data, size);
        return (ssize_t)size;
    }
    if (gather.kept != NULL && gather.kept->length > 0)
        return send_kept(fd, data, size, flags);
    return sendto(fd, data, size, flags, NULL, 0);
}
