#ifndef GATEWAY_API_SERVICE_CALL_H
#define GATEWAY_API_SERVICE_CALL_H

#include "gateway/api/jsonrpc.h"
#include "gateway/socket/session.h"
#include "services/common/rpc/rpc_client.h"

struct api_context;

/* What a JSON-RPC method works with: the `ctx` of its call. */
struct caller {
    const struct api_context *api;
    struct session *session;
    int64_t arrived_us; /* the client's text, clock_mono_us */
};

struct caller *caller_of(const struct jsonrpc_call *call);

/* The caller's own tag; borrowed. */
const char *caller_tag(const struct jsonrpc_call *call);

/* A fresh trace. The configured time runs from when the client's text arrived. */
void service_call_context(const struct jsonrpc_call *call, struct rpc_context *context);

/* Before reading a state that pushes are to go on from: waits until the caller's feed knows where
 * it stands. False when it cannot be known now, and then the call has failed. */
bool service_call_wait_known(struct jsonrpc_call *call, const struct rpc_context *context);

/* Fails the call the way a service's failure is shown to clients; what is not the caller's fault is
 * logged, as `method`: whom was asked for what, or what was tried. */
void service_call_fail(struct jsonrpc_call *call, const struct rpc_context *context,
                       const char *method, enum status status, const struct rpc_error *error);

/* rpc_call on behalf of a client's call: false when it failed, and then the call has too. */
bool service_call(struct jsonrpc_call *call, const struct rpc_context *context, const char *method,
                  const ProtobufCMessage *request, const ProtobufCMessageDescriptor *reply_type,
                  void *reply_out);

/*
 * The same for a method that goes on: returns at once, and the call is finished when the reply has
 * come and `then`, unless the call has failed, has written the result. `then` does not block; the
 * reply is freed after it. `method` is borrowed until then.
 */
typedef void service_then(struct jsonrpc_call *call, const void *reply);
void service_call_then(struct jsonrpc_call *call, const struct rpc_context *context,
                       const char *method, const ProtobufCMessage *request,
                       const ProtobufCMessageDescriptor *reply_type, service_then *then);

#endif
