#ifndef COMMON_BASE_RECV_HOOK_H
#define COMMON_BASE_RECV_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Interposes recv(2): a library that calls recv() by name calls the function defined here. It is
 * the system's, except on a thread that has set a hook; there the hook is called with the same
 * arguments and the same duties, and reads by itself, with recvfrom().
 */
typedef ssize_t recv_hook(void *ctx, int fd, void *buffer, size_t size, int flags);

/* For the calling thread; NULL: none. `ctx` is borrowed. */
void recv_hook_set(recv_hook *hook, void *ctx);

/*
 * Self-test: whether the name `recv`, looked up as the dynamic linker does it for a library, leads
 * here. False for example in a program linked without its dynamic symbols, or under a preloaded
 * library that defines recv itself. The hook must not be relied on then.
 */
bool recv_hook_works(void);

#endif
