#ifndef GATEWAY_API_SERVICE_CALL_H
#define GATEWAY_API_SERVICE_CALL_H

#include "gateway/api/jsonrpc.h"
#include "gateway/socket/session.h"
#include "services/common/rpc/rpc_client.h"

struct api_context;

/* The caller of a JSON-RPC method: the `ctx` of its call. */
struct caller {
    const struct api_context *api;
    struct session *session;
    int64_t arrived_us; /* when the client's text arrived, clock_mono_us */
    size_t made, held;  /* bytes of complete results, and of the budget (answer_budget.h) */
};

struct caller *caller_of(const struct jsonrpc_call *call);

/* The caller's own tag, and the id of the account; borrowed. */
const char *caller_tag(const struct jsonrpc_call *call);
const char *caller_id(const struct jsonrpc_call *call);

/* A new trace, and a deadline: `rpc.timeoutMs` after the client's text arrived. */
void service_call_context(const struct jsonrpc_call *call, struct rpc_context *context);

/* Before reading a state that later notifications continue: waits until the position of the
 * caller's feed is known. False when it stays unknown; then the call has failed. */
bool service_call_wait_known(struct jsonrpc_call *call, const struct rpc_context *context);

/* Fails the call with the error that clients receive for this status; when the caller's account
 * does not exist, closes the socket like one without a token. Logs failures that are not
 * the client's fault; `method` names the RPC, or what was attempted. */
void service_call_fail(struct jsonrpc_call *call, const struct rpc_context *context,
                       const char *method, enum status status, const struct rpc_error *error);

/* rpc_call on behalf of a client's call. False when it failed; then the client's call has
 * failed. */
bool service_call(struct jsonrpc_call *call, const struct rpc_context *context, const char *method,
                  const ProtobufCMessage *request, const ProtobufCMessageDescriptor *reply_type,
                  void *reply_out);

/*
 * The same for an asynchronous method: returns at once. When the reply has arrived, `then` writes
 * the result, unless the call has failed, and the call ends. `then` must not block; the reply is
 * freed after it. `method` is borrowed until then.
 */
typedef void service_then(struct jsonrpc_call *call, const void *reply);
service_then service_call_put_ok; /* writes {"status":"OK"} */
void service_call_then(struct jsonrpc_call *call, const struct rpc_context *context,
                       const char *method, const ProtobufCMessage *request,
                       const ProtobufCMessageDescriptor *reply_type, service_then *then);

#endif
