#define _GNU_SOURCE /* dup3 */
#include "gateway/http/http_socket.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services/common/base/recv_hook.h"

enum { HEADER_END_BYTES = 4 };

static _Thread_local struct {
    int socket;
    int header_match;    /* how many bytes of CR LF CR LF have been seen in a row */
    size_t after_header; /* bytes read behind the first of them */
} seen = { .socket = -1 };

static void follow_header(const unsigned char *bytes, size_t length)
{
    static const unsigned char end[] = { '\r', '\n', '\r', '\n' };

    for (size_t i = 0; i < length; i++) {
        if (seen.header_match == HEADER_END_BYTES) {
            seen.after_header += length - i;
            return;
        }
        if (bytes[i] == end[seen.header_match])
            seen.header_match++;
        else
            seen.header_match = bytes[i] == '\r' ? 1 : 0;
    }
}

static ssize_t receive_counted(void *ctx, int fd, void *buffer, size_t size, int flags)
{
    ssize_t n = recvfrom(fd, buffer, size, flags, NULL, NULL);

    (void)ctx;
    if (n > 0) {
        seen.socket = fd;
        follow_header(buffer, (size_t)n);
    }
    return n;
}

void http_socket_reset(void)
{
    memset(&seen, 0, sizeof(seen));
    seen.socket = -1;
    recv_hook_set(receive_counted, NULL);
}

bool http_socket_header_is_all(void)
{
    return seen.header_match == HEADER_END_BYTES && seen.after_header == 0;
}

int http_socket_number(void)
{
    return seen.socket;
}

int http_socket_detach(void)
{
    int own = fcntl(seen.socket, F_DUPFD_CLOEXEC, 0);
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    bool done = own >= 0 && nowhere >= 0 && dup3(nowhere, seen.socket, O_CLOEXEC) >= 0;

    if (nowhere >= 0)
        close(nowhere);
    if (!done && own >= 0)
        close(own);
    return done ? own : -1;
}
