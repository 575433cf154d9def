#ifndef COMMON_BUS_BUS_REQUEST_H
#define COMMON_BUS_BUS_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "services/common/base/status.h"
#include "services/common/bus/bus_message.h"

/* Requests over the bus and their replies. All functions may be called from any thread. */
struct bus;
struct bus_request;

/*
 * Sends a request; several may be in flight at once. Each request that was begun must be ended.
 * STATUS_UNAVAILABLE without a connection; then there is nothing to end.
 */
enum status bus_request_begin(struct bus *bus, const char *subject,
                              const struct bus_header *headers, size_t header_count,
                              const void *data, size_t length,
                              struct bus_request **request_out) MUST_CHECK;

/*
 * Waits for the reply until `deadline_us` (clock_mono_us). STATUS_UNAVAILABLE when the subject has
 * no subscriber or the connection broke, STATUS_DEADLINE_EXCEEDED when the deadline has passed.
 * Frees the request in any case; on STATUS_OK the caller destroys the reply. Asserts that it is not
 * called on the thread that reads for the bus: that thread would wait for itself.
 */
enum status bus_request_end(struct bus_request **request, int64_t deadline_us,
                            struct bus_message **reply_out) MUST_CHECK;

/* The same without waiting: `handler` is called with the result that bus_request_end would have
 * returned, on a thread of the bus or before this returns. A deadline is detected within 50 ms. */
void bus_request_async(struct bus *bus, const char *subject, const struct bus_header *headers,
                       size_t header_count, const void *data, size_t length, int64_t deadline_us,
                       bus_reply_handler *handler, void *ctx);

/* Ends all requests in flight with STATUS_UNAVAILABLE. */
void bus_request_fail_all(struct bus *bus);

#endif
