#include "services/common/base/recv_hook.h"

#include <sys/socket.h>

static _Thread_local struct {
    recv_hook *hook;
    void *ctx;
} set;

void recv_hook_set(recv_hook *hook, void *ctx)
{
    set.hook = hook;
    set.ctx = ctx;
}

/* Seen by the libraries, unlike everything else of this program. */
#define EXPORTED __attribute__((visibility("default")))

EXPORTED ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    if (set.hook != NULL)
        return set.hook(set.ctx, fd, buffer, size, flags);
    return recvfrom(fd, buffer, size, flags, NULL, NULL);
}
