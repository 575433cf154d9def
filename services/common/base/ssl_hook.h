#ifndef COMMON_BASE_SSL_HOOK_H
#define COMMON_BASE_SSL_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ssl_st; /* SSL, as OpenSSL declares it */

/*
 * Interposes SSL_read, SSL_write, SSL_get_error and SSL_do_handshake: a library that calls them by
 * name calls the functions defined here. They are OpenSSL's, except for what follows.
 *
 * On a thread that has set a hook, SSL_read calls it and SSL_write does not block; when they return
 * -1, errno is as after recv() and send(), EAGAIN included, and SSL_get_error returns
 * SSL_ERROR_SYSCALL without using the connection. So a library that waits for a socket whenever
 * OpenSSL wants to read or write sees one that would block, as it does without TLS.
 */
typedef ssize_t ssl_hook(void *ctx, struct ssl_st *ssl, void *buffer, size_t size);

/* For the calling thread; NULL: none. `ctx` is borrowed. */
void ssl_hook_set(ssl_hook *hook, void *ctx);

/* Reads into `buffer` once, without blocking, as recv(); for a hook, whose SSL_read would call it
 * again. `size` of 16 KiB or more: nothing that has arrived remains in OpenSSL. */
ssize_t ssl_hook_receive(struct ssl_st *ssl, void *buffer, size_t size);

/*
 * Of clients' connections that OpenSSL reads from a socket itself (SSL_set_fd), from now on: a
 * handshake ends after `timeout_ms` without a byte from the server, and `failed` is called with the
 * reason when a handshake fails, or when the server ends the connection with an alert. On the
 * thread that connects, which may hold locks of its library; `failed` must not use that. One for
 * the process.
 */
typedef void ssl_hook_failed(const char *reason);
void ssl_hook_watch(int timeout_ms, ssl_hook_failed *failed);

/* Self-test, as recv_hook_works. */
bool ssl_hook_works(void);

#endif
