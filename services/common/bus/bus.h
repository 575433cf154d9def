#ifndef COMMON_BUS_BUS_H
#define COMMON_BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/status.h"
#include "services/common/bus/bus_message.h"

/*
 * The bus: one NATS connection of this process. All functions may be called from any thread.
 * The connection repairs itself for ever, with jittered waits; what is published meanwhile is kept
 * (up to 8 MB) and sent afterwards, requests fail at once with STATUS_UNAVAILABLE.
 */
struct bus;

struct bus_options {
    const char *url;  /* servers by commas; borrowed for the call */
    const char *name; /* shown by the server's monitoring */
    /*
     * Whom to log in as; "" or NULL: no log-in. Replies come to _INBOX.<user>.>, or to _INBOX.> for
     * nobody in particular, so that a server may keep each user from reading others' replies.
     */
    const char *user;
    const char *password;
    /* After each connect and reconnect, on a thread of the bus; must not block. May be NULL. */
    void (*on_connect)(void *ctx);
    /* The server has refused the log-in of a reconnect: the connection is gone for good, and its
     * subscriptions with it. Should end the process. May be NULL. */
    void (*on_refused)(void *ctx);
    /* A subscription lost messages because its handler was too slow. May be NULL. */
    void (*on_loss)(void *ctx);
    void *ctx;
};

/*
 * Starts connecting and returns at once; the server need not be there yet. STATUS_INVALID_ARGUMENT
 * for a URL that cannot be, STATUS_UNAUTHENTICATED when the server refuses the log-in,
 * STATUS_INTERNAL otherwise.
 */
enum status bus_connect(const struct bus_options *options, struct bus **bus_out) MUST_CHECK;

bool bus_is_connected(const struct bus *bus);

/* Sends out what is pending (waits up to 5 s), closes, frees. */
void bus_destroy(struct bus **bus);

/*
 * The bus has a thread of its own, which reads what comes and hands it on. A program that does its
 * work on one thread anyway may do this there, too, and so spare itself to wake and be woken for
 * each message: it borrows the bus, and whenever the descriptor is readable, level-triggered, calls
 * bus_work, on one thread at a time. After bus_give_back the bus's own thread goes on.
 */
int bus_borrow(struct bus *bus);
void bus_work(struct bus *bus);
void bus_give_back(struct bus *bus);

/* --- publishing -------------------------------------------------------------------------- */

/* `data` may be NULL when `length` is 0. What cannot be sent later is logged, and lost. */
enum status bus_publish(struct bus *bus, const char *subject, const void *data,
                        size_t length) MUST_CHECK;
enum status bus_publish_headers(struct bus *bus, const char *subject,
                                const struct bus_header *headers, size_t header_count,
                                const void *data, size_t length) MUST_CHECK;

/* What this thread publishes in between may go out together at the end: a batch costs little more
 * than a single one. To hold again changes nothing. Not around anything that waits for an answer.
 */
void bus_hold(struct bus *bus);
void bus_release(struct bus *bus);

/* Returns once the server has received everything sent so far; false after `timeout_ms`. Asserts
 * that it is not called on the thread that reads for the bus. */
bool bus_flush(struct bus *bus, int64_t timeout_ms);

#endif
