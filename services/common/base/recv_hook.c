#define _GNU_SOURCE /* RTLD_DEFAULT */
#include "services/common/base/recv_hook.h"

#include <dlfcn.h>
#include <string.h>
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

/* Visible to the libraries, unlike all other functions of this program. */
#define EXPORTED __attribute__((visibility("default")))

EXPORTED ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    if (set.hook != NULL)
        return set.hook(set.ctx, fd, buffer, size, flags);
    return recvfrom(fd, buffer, size, flags, NULL, NULL);
}

/* --- self-test ----------------------------------------------------------------------------- */

enum { TEST_FD = -17, TEST_RESULT = 4711 };

static ssize_t note_call(void *ctx, int fd, void *buffer, size_t size, int flags)
{
    (void)buffer;
    (void)size;
    (void)flags;
    *(bool *)ctx = fd == TEST_FD;
    return TEST_RESULT;
}

bool recv_hook_works(void)
{
    void *symbol = dlsym(RTLD_DEFAULT, "recv");
    ssize_t (*found)(int, void *, size_t, int);
    recv_hook *hook_before = set.hook;
    void *ctx_before = set.ctx;
    bool was_called = false;

    if (symbol == NULL)
        return false;
    memcpy(&found, &symbol, sizeof(found)); /* C has no cast from void * to a function */
    recv_hook_set(note_call, &was_called);
    ssize_t result = found(TEST_FD, NULL, 0, 0);
    recv_hook_set(hook_before, ctx_before);
    return was_called && result == TEST_RESULT;
}
