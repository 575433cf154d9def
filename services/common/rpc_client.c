#include "services/common/rpc_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common.pb-c.h"
#include "services/common/clock.h"
#include "services/common/id.h"
#include "services/common/log.h"
#include "services/common/text.h"
#include "services/common/wire.h"

void rpc_context_start(struct rpc_context *context, int64_t timeout_ms)
{
    char random[49];

    id_unique_hex(random, 24);
    snprintf(context->traceparent, sizeof(context->traceparent), "00-%.32s-%.16s-01", random,
             random + 32);
    context->deadline_us = clock_mono_us() + timeout_ms * 1000;
}

void rpc_context_trace_id(const struct rpc_context *context, char out[33])
{
    out[0] = '\0';
    if (strlen(context->traceparent) == 55)
        snprintf(out, 33, "%.32s", context->traceparent + 3);
}

static struct rpc_pending begin(struct bus *bus, const struct rpc_context *context,
                                const char *subject, const ProtobufCMessage *request)
{
    struct rpc_pending pending = { .deadline_us = context->deadline_us };
    int64_t left_ms = (context->deadline_us - clock_mono_us()) / 1000;
    char timeout[24];
    struct buffer packed = { 0 };

    if (left_ms <= 0) {
        pending.status = STATUS_DEADLINE_EXCEEDED;
        return pending;
    }
    snprintf(timeout, sizeof(timeout), "%" PRId64, left_ms);
    struct bus_header headers[] = {
        { RPC_HEADER_TIMEOUT, timeout },
        { RPC_HEADER_TRACE, context->traceparent },
    };
    size_t count = context->traceparent[0] != '\0' ? 2 : 1;
    wire_pack(request, &packed);
    pending.status = bus_request_begin(bus, subject, headers, count, packed.data, packed.length,
                                       &pending.request);
    buffer_finish(&packed);
    return pending;
}

struct rpc_pending rpc_begin(struct bus *bus, const struct rpc_context *context, const char *method,
                             const ProtobufCMessage *request)
{
    char subject[96];

    snprintf(subject, sizeof(subject), "rpc.%s", method);
    return begin(bus, context, subject, request);
}

struct rpc_pending rpc_begin_fact(struct bus *bus, const struct rpc_context *context,
                                  const char *subject, const ProtobufCMessage *fact)
{
    return begin(bus, context, subject, fact);
}

/* The error headers of a reply; STATUS_OK when it has none. */
static enum status read_error(const struct bus_message *reply, struct rpc_error *error)
{
    const char *code = bus_message_header(reply, RPC_HEADER_ERROR_CODE);
    int64_t number;

    if (code == NULL)
        return STATUS_OK;
    Messenger__ErrorDetail *detail = wire_unpack(
        &messenger__error_detail__descriptor, bus_message_data(reply), bus_message_length(reply));
    if (detail != NULL && error != NULL) {
        snprintf(error->reason, sizeof(error->reason), "%s", detail->reason);
        error->retry_after_ms = detail->retry_after_ms;
    }
    wire_free(detail);
    if (!text_to_int(code, 1, 999, &number))
        return STATUS_INTERNAL;
    return status_from_number((long)number);
}

enum status rpc_end(struct rpc_pending *pending, const ProtobufCMessageDescriptor *reply_type,
                    void *reply_out, struct rpc_error *error_out)
{
    struct bus_message *reply = NULL;
    enum status status = pending->status;
    void *message = NULL;

    if (error_out != NULL)
        *error_out = (struct rpc_error){ .reason = "" };
    if (status == STATUS_OK)
        status = bus_request_end(&pending->request, pending->deadline_us, &reply);
    if (status == STATUS_OK) {
        status = read_error(reply, error_out);
        if (status == STATUS_OK) {
            message = wire_unpack(reply_type, bus_message_data(reply), bus_message_length(reply));
            if (message == NULL) {
                log_error("a reply is no %s", reply_type->name);
                status = STATUS_INTERNAL;
            }
        }
        bus_message_destroy(&reply);
    }
    memcpy(reply_out, &message, sizeof(message));
    return status;
}

enum status rpc_call(struct bus *bus, const struct rpc_context *context, const char *method,
                     const ProtobufCMessage *request, const ProtobufCMessageDescriptor *reply_type,
                     void *reply_out, struct rpc_error *error_out)
{
    struct rpc_pending pending = rpc_begin(bus, context, method, request);
    return rpc_end(&pending, reply_type, reply_out, error_out);
}
