#include "services/common/bus/bus_request.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "services/common/bus/bus_parts.h"

static natsStatus make_request(struct bus *bus, const char *subject,
                               const struct bus_header *headers, size_t header_count,
                               const void *data, size_t length, uint64_t number,
                               natsMsg **message_out)
{
    char reply_to[BUS_INBOX_SIZE + 18];

    snprintf(reply_to, sizeof(reply_to), "%s.%" PRIx64, bus->inbox, number);
    return bus_parts_message(subject, reply_to, headers, header_count, data, length, message_out);
}

enum status bus_request_begin(struct bus *bus, const char *subject,
                              const struct bus_header *headers, size_t header_count,
                              const void *data, size_t length, struct bus_request **request_out)
{
    natsMsg *message = NULL;
    uint64_t number;

    if (!atomic_load(&bus->connected))
        return STATUS_UNAVAILABLE;
    struct bus_request *request = bus_replies_expect(bus->replies, &number);
    natsStatus s =
        make_request(bus, subject, headers, header_count, data, length, number, &message);
    if (s != NATS_OK) {
        bus_replies_cancel(&request);
        return bus_parts_status(s);
    }
    bus_sender_send(bus->sender, message, number);
    *request_out = request;
    return STATUS_OK;
}

enum status bus_request_end(struct bus_request **request, int64_t deadline_us,
                            struct bus_message **reply_out)
{
    return bus_replies_wait(request, deadline_us, reply_out);
}

void bus_request_async(struct bus *bus, const char *subject, const struct bus_header *headers,
                       size_t header_count, const void *data, size_t length, int64_t deadline_us,
                       bus_reply_handler *handler, void *ctx)
{
    natsMsg *message = NULL;
    uint64_t number;

    assert(handler != NULL);
    if (!atomic_load(&bus->connected)) {
        handler(ctx, STATUS_UNAVAILABLE, NULL);
        return;
    }
    bus_replies_expect_async(bus->replies, deadline_us, handler, ctx, &number);
    natsStatus s =
        make_request(bus, subject, headers, header_count, data, length, number, &message);
    if (s == NATS_OK)
        bus_sender_send(bus->sender, message, number);
    else
        bus_replies_fail(bus->replies, number);
}

void bus_request_fail_all(struct bus *bus)
{
    bus_replies_fail_all(bus->replies);
}
