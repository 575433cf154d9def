#ifndef COMMON_BUS_BUS_H
#define COMMON_BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/status.h"
#include "services/common/bus/bus_message.h"
#include "services/common/bus/bus_tls.h"

/*
 * The bus: one NATS connection of this process. All functions may be called from any thread.
 * A lost connection is retried for ever, with jittered pauses. Messages published meanwhile are
 * queued (up to 8 MB) and sent after the reconnect; requests fail at once with STATUS_UNAVAILABLE.
 */
struct bus;

struct bus_options {
    const char *url;  /* servers by commas; borrowed for the call */
    const char *name; /* shown by the server's monitoring */
    /*
     * The user to log in as; "" or NULL: no log-in. Replies arrive at _INBOX.<user>.>, or at
     * _INBOX.> without a log-in, so that the server can keep users from reading others' replies.
     */
    const char *user;
    const char *password;
    struct bus_tls tls; /* borrowed for the call */
    /* After each connect and reconnect, on a thread of the bus; must not block. May be NULL. */
    void (*on_connect)(void *ctx);
    /* The server has refused the log-in of a reconnect: the connection and its subscriptions are
     * closed and will not be retried. Should end the process. May be NULL. */
    void (*on_refused)(void *ctx);
    /* The server has refused a subject to this user; its request would wait until its deadline. On
     * a thread of the bus; must not block. May be NULL. */
    void (*on_denied)(void *ctx);
    /* TLS has failed: bus_tls_watch. The connection is retried. May be NULL. */
    void (*on_insecure)(void *ctx, const char *reason);
    /* A subscription lost messages because its handler was too slow. May be NULL. */
    void (*on_loss)(void *ctx);
    void *ctx;
};

/* Starts connecting and returns at once; the server may start later. STATUS_INVALID_ARGUMENT for an
 * invalid URL, STATUS_UNAUTHENTICATED when the server refuses the log-in, STATUS_UNAVAILABLE when
 * the libraries cannot be used (bus_library.h, recv_hook.h, ssl_hook.h). A server whose certificate
 * is not good is retried: it may be about to get another one. */
enum status bus_connect(const struct bus_options *options, struct bus **bus_out) MUST_CHECK;

bool bus_is_connected(const struct bus *bus);

/*
 * The process is about to end: from now on nothing waits for the bus beyond `until_us`
 * (clock_mono_us), whatever its own time-out. Requests in flight and later ones end with
 * STATUS_DEADLINE_EXCEEDED then, drains and flushes return, and messages that the server does not
 * accept are dropped. Takes effect within 100 ms. May be called again, with another time.
 */
void bus_end_by(struct bus *bus, int64_t until_us);

/* The time that may be waited: `ms`, or what is left of it until the end of bus_end_by. At least
 * 1. */
int64_t bus_clip_ms(const struct bus *bus, int64_t ms);

/* Sends the pending messages (waits at most 5 s), closes, frees. NULL is allowed. */
void bus_destroy(struct bus **bus);

/*
 * The bus has a thread that reads messages and calls their handlers. A program that works on one
 * thread can do this there instead, and save a wake-up for each message: it borrows the bus, and
 * calls bus_work, on one thread at a time, whenever the returned descriptor is readable
 * (level-triggered). After bus_give_back the bus's own thread resumes.
 */
int bus_borrow(struct bus *bus);
void bus_work(struct bus *bus);
void bus_give_back(struct bus *bus);

/* --- publishing -------------------------------------------------------------------------- */

/* Enqueues a message. `data` may be NULL when `length` is 0. A message that cannot be sent later is
 * logged and dropped. */
enum status bus_publish(struct bus *bus, const char *subject, const void *data,
                        size_t length) MUST_CHECK;
enum status bus_publish_headers(struct bus *bus, const char *subject,
                                const struct bus_header *headers, size_t header_count,
                                const void *data, size_t length) MUST_CHECK;

/* Messages that this thread publishes between the two calls may be sent together at the end: a
 * batch costs little more than one message. Holds do not nest. Not around a wait for a reply. */
void bus_hold(struct bus *bus);
void bus_release(struct bus *bus);

/* Returns once the server has received everything sent so far; false after `timeout_ms`. Asserts
 * that it is not called on the thread that reads for the bus. */
bool bus_flush(struct bus *bus, int64_t timeout_ms);

#endif
