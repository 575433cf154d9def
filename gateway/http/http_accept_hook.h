#ifndef GATEWAY_HTTP_HTTP_ACCEPT_HOOK_H
#define GATEWAY_HTTP_HTTP_ACCEPT_HOOK_H

/*
 * Interposes listen(2) and accept(2): a library that calls them by name calls the functions defined
 * here. They are the system's, except on a thread that has set a hook (like recv_hook.h).
 */

/* For the calling thread: from here on listen() opens nothing and stores its descriptor in
 * `*socket_out`, which is borrowed. NULL: none. */
void http_accept_hook_capture(int *socket_out);

/* For the calling thread: accept() returns the result of the hook, a new descriptor or -1 with
 * errno, with the address 127.0.0.1. `ctx` is borrowed. */
void http_accept_hook_set(int (*hook)(void *ctx), void *ctx);

#endif
