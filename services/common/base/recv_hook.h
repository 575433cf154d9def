#ifndef COMMON_BASE_RECV_HOOK_H
#define COMMON_BASE_RECV_HOOK_H

#include <stddef.h>
#include <sys/types.h>

/*
 * What the libraries read from sockets, for those of our threads that must know. A library calls
 * recv() by name and so gets the one that is defined here; it is the system's, except on a thread
 * that has set a hook: there the hook is called instead, with the same arguments and the same
 * duties, and reads by itself, with recvfrom().
 */
typedef ssize_t recv_hook(void *ctx, int fd, void *buffer, size_t size, int flags);

/* For the calling thread; NULL: none. `ctx` is borrowed. */
void recv_hook_set(recv_hook *hook, void *ctx);

#endif
