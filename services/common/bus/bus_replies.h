#ifndef COMMON_BUS_BUS_REPLIES_H
#define COMMON_BUS_BUS_REPLIES_H

#include <nats/nats.h>
#include <stdint.h>

#include "services/common/bus/bus_message.h"

/*
 * The requests in flight, by number. All replies of a process arrive at one subscription,
 * <inbox>.<number>, the number in hexadecimal. Each waiting thread has a lock and a condition of
 * its own, so a reply wakes one thread only. One more thread watches the deadlines of requests that
 * have a handler instead. All functions may be called from any thread.
 */
struct bus_loop;
struct bus_replies;
struct bus_request;

/* `loop` is borrowed; its thread must not wait for replies. */
struct bus_replies *bus_replies_create(const struct bus_loop *loop);

/* Fails all requests in flight first. */
void bus_replies_destroy(struct bus_replies **replies);

/* Expects a reply for which a thread will call bus_replies_wait or bus_replies_cancel. */
struct bus_request *bus_replies_expect(struct bus_replies *replies, uint64_t *number_out);

/* Expects a reply for `handler` (bus_request.h), which may run before this returns. */
void bus_replies_expect_async(struct bus_replies *replies, int64_t deadline_us,
                              bus_reply_handler *handler, void *ctx, uint64_t *number_out);

/* As bus_request_end. */
enum status bus_replies_wait(struct bus_request **request, int64_t deadline_us,
                             struct bus_message **reply_out);

/* A request that was never sent. Frees it. */
void bus_replies_cancel(struct bus_request **request);

/* A reply has arrived. */
void bus_replies_take(struct bus_replies *replies, natsMsg *reply_take);

/* The request with this number, or all, end with STATUS_UNAVAILABLE. */
void bus_replies_fail(struct bus_replies *replies, uint64_t number);
void bus_replies_fail_all(struct bus_replies *replies);

#endif
