#include "services/common/rpc/rpc_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.pb-c.h"
#include "services/common/base/clock.h"
#include "services/common/base/id.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/text.h"
#include "services/common/bus/bus_request.h"
#include "services/common/rpc/reply_bounds.h"
#include "services/common/rpc/wire.h"

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

enum { HEADERS_MAX = 2, TIMEOUT_SIZE = 24, SUBJECT_SIZE = 96 };

/* What goes along with a request; false when its time is over already. */
static bool fill_headers(const struct rpc_context *context, char timeout[TIMEOUT_SIZE],
                         struct bus_header headers[HEADERS_MAX], size_t *count_out)
{
    int64_t left_ms = (context->deadline_us - clock_mono_us()) / 1000;

    snprintf(timeout, TIMEOUT_SIZE, "%" PRId64, left_ms);
    headers[0] = (struct bus_header){ RPC_HEADER_TIMEOUT, timeout };
    headers[1] = (struct bus_header){ RPC_HEADER_TRACE, context->traceparent };
    *count_out = context->traceparent[0] != '\0' ? 2 : 1;
    return left_ms > 0;
}

struct rpc_pending rpc_begin_event(struct bus *bus, const struct rpc_context *context,
                                   const char *subject, const ProtobufCMessage *event)
{
    struct rpc_pending pending = { .deadline_us = context->deadline_us };
    struct bus_header headers[HEADERS_MAX];
    char timeout[TIMEOUT_SIZE];
    struct buffer packed = { 0 };
    size_t count;

    if (!fill_headers(context, timeout, headers, &count)) {
        pending.status = STATUS_DEADLINE_EXCEEDED;
        return pending;
    }
    wire_pack(event, &packed);
    pending.status = bus_request_begin(bus, subject, headers, count, packed.data, packed.length,
                                       &pending.request);
    buffer_finish(&packed);
    return pending;
}

struct rpc_pending rpc_begin(struct bus *bus, const struct rpc_context *context, const char *method,
                             const ProtobufCMessage *request)
{
    char subject[SUBJECT_SIZE];

    snprintf(subject, sizeof(subject), "rpc.%s", method);
    return rpc_begin_event(bus, context, subject, request);
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

/* Decodes a reply and destroys it. */
static enum status read_reply(struct bus_message *reply_take,
                              const ProtobufCMessageDescriptor *reply_type, void **message_out,
                              struct rpc_error *error)
{
    enum status status = read_error(reply_take, error);

    if (status == STATUS_OK) {
        *message_out =
            wire_unpack(reply_type, bus_message_data(reply_take), bus_message_length(reply_take));
        if (*message_out == NULL || !reply_bounds_are_kept(*message_out)) {
            log_error("a reply is no %s, or lacks a part", reply_type->name);
            wire_free(*message_out);
            *message_out = NULL;
            status = STATUS_INTERNAL;
        }
    }
    bus_message_destroy(&reply_take);
    return status;
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
    if (status == STATUS_OK)
        status = read_reply(reply, reply_type, &message, error_out);
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

/* Temporary failures of another service. */
static bool is_passing(enum status status)
{
    return status == STATUS_UNAVAILABLE || status == STATUS_BUSY ||
           status == STATUS_DEADLINE_EXCEEDED;
}

void rpc_log_failure(const struct rpc_context *context, const char *method, enum status status,
                     const struct rpc_error *error)
{
    const char *reason = error != NULL ? error->reason : "";
    char trace[33];

    rpc_context_trace_id(context, trace);
    log_set_trace(trace);
    log_write(is_passing(status) ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "%s failed: %s%s%s", method,
              status_name(status), reason[0] != '\0' ? ": " : "", reason);
    log_set_trace(NULL);
}

/* --- without waiting ----------------------------------------------------------------------- */

struct async_call {
    const ProtobufCMessageDescriptor *reply_type;
    rpc_reply_handler *handler;
    void *ctx;
};

static void handle_async_reply(void *ctx, enum status status, struct bus_message *reply_take)
{
    struct async_call *call = ctx;
    struct rpc_error error = { .reason = "" };
    void *message = NULL;

    if (status == STATUS_OK)
        status = read_reply(reply_take, call->reply_type, &message, &error);
    call->handler(call->ctx, status, message, &error);
    free(call);
}

void rpc_call_async(struct bus *bus, const struct rpc_context *context, const char *method,
                    const ProtobufCMessage *request, const ProtobufCMessageDescriptor *reply_type,
                    rpc_reply_handler *handler, void *ctx)
{
    struct async_call *call = xmalloc(sizeof(*call));
    struct bus_header headers[HEADERS_MAX];
    char timeout[TIMEOUT_SIZE], subject[SUBJECT_SIZE];
    struct buffer packed = { 0 };
    size_t count;

    *call = (struct async_call){ reply_type, handler, ctx };
    if (!fill_headers(context, timeout, headers, &count)) {
        handle_async_reply(call, STATUS_DEADLINE_EXCEEDED, NULL);
        return;
    }
    snprintf(subject, sizeof(subject), "rpc.%s", method);
    wire_pack(request, &packed);
    bus_request_async(bus, subject, headers, count, packed.data, packed.length,
                      context->deadline_us, handle_async_reply, call);
    buffer_finish(&packed);
}
