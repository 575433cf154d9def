#ifndef GATEWAY_SOCKET_SOCKET_LOOP_H
#define GATEWAY_SOCKET_SOCKET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A few threads that watch all sockets and report which are readable or writable; one of them also
 * ticks. No socket has a thread of its own, and nothing blocks on a socket: a stuck client costs
 * the memory of its pending frames, and no other client's time.
 *
 * Under load (more than a few events in a millisecond) each thread reports its events once a
 * millisecond, or as soon as a round is full: the work they cause is then batched, too.
 */
struct socket_loop;

enum { SOCKET_READABLE = 1, SOCKET_WRITABLE = 2, SOCKET_ENDED = 4, SOCKET_GONE = 8 };

struct socket_loop_options {
    size_t threads; /* 0: one for each two processors */
    /*
     * An event of the socket of `token`: bytes or the end of the stream can be read (readable), it
     * accepts bytes again (writable), the end of the stream follows the bytes that can be read
     * (ended; then readable, too), the connection is broken (gone). Edge-triggered: after
     * "readable" the callee must read until nothing is left. All events of one token are reported
     * on one thread; the callback must not block. The session of the token may have been removed.
     */
    void (*on_ready)(void *ctx, uint64_t token, unsigned what);
    /* Called before and after the events of several sockets, on the same thread. May be NULL. */
    void (*on_round)(void *ctx, bool begins);
    void (*on_tick)(void *ctx, int64_t now_ms); /* about every SOCKET_LOOP_TICK_MS */
    /* Called by one of the threads whenever the descriptor `guest` is readable. May be NULL. */
    void (*on_guest)(void *ctx);
    int guest; /* a descriptor; borrowed */
    void *ctx;
};
enum { SOCKET_LOOP_TICK_MS = 250 };

/* The default number of threads. */
size_t socket_loop_threads(void);

struct socket_loop *socket_loop_create(const struct socket_loop_options *options);

/* No callback runs once this returns. Closes the dismissed sockets. */
void socket_loop_destroy(struct socket_loop **loop);

/* Begins to watch a socket; its current state is reported at once. False, logged, when the kernel
 * refuses. Tokens are less than 2^63 (asserted). From any thread. */
bool socket_loop_add(struct socket_loop *loop, int socket, uint64_t token);

/* Reports "readable" for `token` once more. From any thread; does not block. */
void socket_loop_resume(struct socket_loop *loop, uint64_t token);

/*
 * Closes a socket: a watched one on the thread that reports its events, one that
 * socket_loop_add has refused on any thread. `gently`: the client may still be
 * sending and should receive the last frames. The kernel answers unread bytes with a reset, which
 * may overtake them; so input is read and discarded for SOCKET_DISMISSAL_MS, until the client ends
 * the stream, or up to 32 MiB.
 */
enum { SOCKET_DISMISSAL_MS = 1000 };
void socket_loop_dismiss(struct socket_loop *loop, uint64_t token, int socket, bool gently);

#endif
