#ifndef COMMON_BUS_BUS_SUBSCRIPTION_H
#define COMMON_BUS_BUS_SUBSCRIPTION_H

#include "services/common/base/status.h"
#include "services/common/bus/bus_message.h"

/* Subscriptions to subjects. All functions may be called from any thread. */
struct bus;
struct bus_subscription;

/*
 * A handler runs on the thread that reads for the bus. It runs on a thread of the library, still
 * one message at a time and in order, if two subscriptions of this process match a subject, if the
 * library lacks the filter of bus_library.h, or if the subject has a wildcard other than "*" as its
 * last token.
 */

/* `queue` NULL: every subscriber receives each message; else one member of the group. The subject
 * is borrowed for the call. */
enum status bus_subscription_open(struct bus *bus, const char *subject, const char *queue,
                                  bus_handler *handler, void *ctx,
                                  struct bus_subscription **subscription_out) MUST_CHECK;

/* Ends the delivery; does not wait for a running handler. NULL is allowed. */
void bus_subscription_close(struct bus_subscription **subscription);

/* Waits until the handler has processed what has arrived (at most 5 s; 250 ms without a
 * connection; not beyond bus_end_by), then closes. Asserts that it is not called on the thread that
 * reads for the bus. */
void bus_subscription_drain(struct bus_subscription **subscription);

#endif
