#ifndef COMMON_RPC_RPC_CLIENT_H
#define COMMON_RPC_RPC_CLIENT_H

#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "services/common/bus/bus.h"

/* Calls to services over the bus: subject rpc.<service>.<Method>, see proto/README.md. */

/* The context of a request, shared by all services that work on it. */
struct rpc_context {
    char traceparent[56]; /* W3C Trace Context, version 00 */
    int64_t deadline_us;  /* clock_mono_us */
};

/* A new trace with a deadline `timeout_ms` from now. */
void rpc_context_start(struct rpc_context *context, int64_t timeout_ms);

/* The 32 hex digits of the trace id, written with a NUL; "" when there is none. */
void rpc_context_trace_id(const struct rpc_context *context, char out[33]);

/* Why a service refused; `reason` is shown to users and must not contain secrets. */
struct rpc_error {
    char reason[200];
    uint32_t retry_after_ms; /* 0: none given */
};

/* A call in flight. Each call that was begun must be ended. Several may be in flight at once. */
struct rpc_pending {
    struct bus_request *request;
    enum status status; /* of rpc_begin */
    int64_t deadline_us;
};

/* `method` is e.g. "user.GetUsers". A failure is reported by rpc_end. */
struct rpc_pending rpc_begin(struct bus *bus, const struct rpc_context *context, const char *method,
                             const ProtobufCMessage *request);

/* The same with the subject of an event, e.g. "event.user.updated", whose consumer answers with
 * Empty. */
struct rpc_pending rpc_begin_event(struct bus *bus, const struct rpc_context *context,
                                   const char *subject, const ProtobufCMessage *event);

/*
 * STATUS_OK: `*reply_out` is a message of that type, which the caller frees with wire_free.
 * Otherwise it is NULL and `error_out` (may be NULL) has the reason.
 */
enum status rpc_end(struct rpc_pending *pending, const ProtobufCMessageDescriptor *reply_type,
                    void *reply_out, struct rpc_error *error_out) MUST_CHECK;

/* rpc_begin and rpc_end. Blocks; not on the thread that reads for the bus (asserted). */
enum status rpc_call(struct bus *bus, const struct rpc_context *context, const char *method,
                     const ProtobufCMessage *request, const ProtobufCMessageDescriptor *reply_type,
                     void *reply_out, struct rpc_error *error_out) MUST_CHECK;

/* Logs a failure that is not the client's fault, with the trace id of the call; clears the thread's
 * trace id, so not for a service's handler. `error` may be NULL. */
void rpc_log_failure(const struct rpc_context *context, const char *method, enum status status,
                     const struct rpc_error *error);

/*
 * rpc_call without waiting: `handler` is called once, on a thread of the bus or before this
 * returns, with the result of rpc_call; it frees the reply. It must neither block nor make calls.
 * `error` is borrowed. All arguments are read before this returns.
 */
typedef void rpc_reply_handler(void *ctx, enum status status, void *reply_take,
                               const struct rpc_error *error);
void rpc_call_async(struct bus *bus, const struct rpc_context *context, const char *method,
                    const ProtobufCMessage *request, const ProtobufCMessageDescriptor *reply_type,
                    rpc_reply_handler *handler, void *ctx);

/* Header names of the protocol. */
#define RPC_HEADER_TIMEOUT "Messenger-Timeout-Ms" /* time left when the request was sent */
#define RPC_HEADER_TRACE "traceparent"
#define RPC_HEADER_ERROR_CODE "Nats-Service-Error-Code" /* ADR-32 */
#define RPC_HEADER_ERROR "Nats-Service-Error"

#endif
