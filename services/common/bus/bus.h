#ifndef COMMON_BUS_BUS_H
#define COMMON_BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/status.h"

/*
 * The bus: one NATS connection of this process. All functions may be called from any thread.
 * The connection repairs itself for ever, with jittered waits; what is published meanwhile is kept
 * (up to 8 MB) and sent afterwards, requests fail at once with STATUS_UNAVAILABLE.
 */
struct bus;
struct bus_message;
struct bus_subscription;
struct bus_request;

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

/* --- headers ----------------------------------------------------------------------------- */

struct bus_header {
    const char *name;
    const char *value; /* no CR or LF */
};

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

/* --- subscribing ------------------------------------------------------------------------- */

/*
 * Called on the bus's thread, messages in the order in which they came; must not block, nor wait
 * for anything that comes by the bus. Takes the message over and destroys it, now or later. Of
 * subscriptions that hear the same, each is told in order, on a thread of the library.
 */
typedef void bus_handler(void *ctx, struct bus_message *message_take);

/* `queue` NULL: every subscriber gets each message; else one member of the group. The subject is
 * borrowed for the call; its only wildcard, if any, is "*" as the last token. */
enum status bus_subscribe(struct bus *bus, const char *subject, const char *queue,
                          bus_handler *handler, void *ctx,
                          struct bus_subscription **subscription_out) MUST_CHECK;

/* Stops the delivery, does not wait for a handler that is running. */
void bus_unsubscribe(struct bus_subscription **subscription);

/* Lets the handler finish what has arrived (up to 5 s; 250 ms without a connection), then
 * unsubscribes. */
void bus_drain(struct bus_subscription **subscription);

/* Returns once the server has seen everything sent so far; false after `timeout_ms`. Neither this
 * nor bus_drain on the thread that works for the bus. */
bool bus_flush(struct bus *bus, int64_t timeout_ms);

/* All borrowed from the message. A header that is not there is NULL. */
const char *bus_message_subject(const struct bus_message *message);
const char *bus_message_reply_to(const struct bus_message *message); /* NULL = none wanted */
const void *bus_message_data(const struct bus_message *message);
size_t bus_message_length(const struct bus_message *message);
const char *bus_message_header(const struct bus_message *message, const char *name);
void bus_message_destroy(struct bus_message **message);

/* --- requests ---------------------------------------------------------------------------- */

/*
 * Sends a request; several may be under way at once. Every request that was begun is ended.
 * STATUS_UNAVAILABLE when there is no connection; then there is nothing to end.
 */
enum status bus_request_begin(struct bus *bus, const char *subject,
                              const struct bus_header *headers, size_t header_count,
                              const void *data, size_t length,
                              struct bus_request **request_out) MUST_CHECK;

/*
 * Waits for the reply until `deadline_us` (clock_mono_us). STATUS_UNAVAILABLE when nobody
 * serves the subject or the connection broke, STATUS_DEADLINE_EXCEEDED when the time is over.
 * Frees the request in any case; on STATUS_OK the caller destroys the reply. Not on the thread that
 * works for the bus.
 */
enum status bus_request_end(struct bus_request **request, int64_t deadline_us,
                            struct bus_message **reply_out) MUST_CHECK;

/*
 * The same without waiting. `handler` is called once with what bus_request_end would have said: on
 * a thread of the bus, or before this returns. On STATUS_OK it destroys the reply, otherwise there
 * is none. It must neither block nor use the bus. A deadline is noticed within 50 ms.
 */
typedef void bus_reply_handler(void *ctx, enum status status, struct bus_message *reply_take);
void bus_request_async(struct bus *bus, const char *subject, const struct bus_header *headers,
                       size_t header_count, const void *data, size_t length, int64_t deadline_us,
                       bus_reply_handler *handler, void *ctx);

/* Nobody is to wait any longer: what is under way ends with STATUS_UNAVAILABLE. */
void bus_give_up_requests(struct bus *bus);

#endif
