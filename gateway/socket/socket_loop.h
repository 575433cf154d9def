#ifndef GATEWAY_SOCKET_SOCKET_LOOP_H
#define GATEWAY_SOCKET_SOCKET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A few threads that watch all sockets and say which have something to read, or take bytes again;
 * one of them ticks. No socket has a thread of its own, and nothing here blocks on one: a stuck
 * client costs the memory of what waits for it and nobody's time.
 *
 * While more than a few changes come in a millisecond, each thread says them once a millisecond,
 * or as soon as there are as many as a round can hold: what they lead to is then done for many at
 * a time, too.
 */
struct socket_loop;

enum { SOCKET_READABLE = 1, SOCKET_WRITABLE = 2, SOCKET_ENDED = 4, SOCKET_GONE = 8 };

struct socket_loop_options {
    size_t threads; /* 0: one for every two processors */
    /*
     * What has changed of the socket of `token`: there are bytes or the end of the stream
     * (readable), it takes bytes again, behind the bytes that are there is the end of the stream
     * (ended; readable, too), nothing will ever come or go any more (gone). Said once for each
     * change, so that who hears "readable" reads until nothing is left. All of one token are said
     * on one thread; it must not block. The session of that token may be gone.
     */
    void (*on_ready)(void *ctx, uint64_t token, unsigned what);
    /* Around what is said of several sockets at a time, on the same thread. May be NULL. */
    void (*on_round)(void *ctx, bool begins);
    void (*on_tick)(void *ctx, int64_t now_ms); /* about every SOCKET_LOOP_TICK_MS */
    /* Something else to be watched, by one of the threads: what it says whenever `guest` can be
     * read. May be NULL. */
    void (*on_guest)(void *ctx);
    int guest; /* a descriptor; borrowed */
    void *ctx;
};
enum { SOCKET_LOOP_TICK_MS = 250 };

/* How many threads there are when none are asked for. */
size_t socket_loop_threads(void);

struct socket_loop *socket_loop_create(const struct socket_loop_options *options);

/* Nothing is said any more once this returns. Closes what was dismissed. */
void socket_loop_destroy(struct socket_loop **loop);

/* Begins to watch, from any thread; what it is ready for is said at once. False, logged, when the
 * kernel refuses. Tokens are those of registry.h: all less than 2^63. */
bool socket_loop_add(struct socket_loop *loop, int socket, uint64_t token);

/* "Readable" is to be said of `token` once more. From any thread, does not block. */
void socket_loop_resume(struct socket_loop *loop, uint64_t token);

/*
 * Closes a socket that is watched, on the thread that says what becomes of it. `gently`: what was
 * sent last should be read by a client that is still sending, so for SOCKET_DISMISSAL_MS, until it
 * ends the stream, or 32 MiB long, what comes is read and thrown away; for the kernel answers bytes
 * that nobody reads with a reset, which may overtake the last word.
 */
enum { SOCKET_DISMISSAL_MS = 1000 };
void socket_loop_dismiss(struct socket_loop *loop, uint64_t token, int socket, bool gently);

#endif
