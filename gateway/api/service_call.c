#include "gateway/api/service_call.h"

#include <stdlib.h>

#include "gateway/api/api_context.h"
#include "gateway/push/deliver.h"
#include "gateway/socket/no_auth.h"
#include "gateway/socket/ws_protocol.h"
#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"

enum { RETRY_MS = 1000 };

struct caller *caller_of(const struct jsonrpc_call *call)
{
    return call->ctx;
}

const char *caller_id(const struct jsonrpc_call *call)
{
    return session_identity(caller_of(call)->session)->user_id;
}

const char *caller_tag(const struct jsonrpc_call *call)
{
    return session_identity(caller_of(call)->session)->tag;
}

void service_call_context(const struct jsonrpc_call *call, struct rpc_context *context)
{
    const struct caller *caller = caller_of(call);

    rpc_context_start(context, caller->api->rpc_timeout_ms);
    context->deadline_us -= clock_mono_us() - caller->arrived_us;
}

void service_call_fail(struct jsonrpc_call *call, const struct rpc_context *context,
                       const char *method, enum status status, const struct rpc_error *error)
{
    switch (status) {
    case STATUS_INVALID_ARGUMENT:
    case STATUS_NOT_FOUND:
        jsonrpc_fail(call, JSONRPC_INVALID_PARAMS, error->reason, 0);
        return;
    case STATUS_UNAUTHENTICATED: /* the answer is not sent: the socket ends with the reason */
        jsonrpc_fail(call, JSONRPC_INVALID_PARAMS, error->reason, 0);
        session_close(caller_of(call)->session, WS_CLOSE_NORMAL, NO_AUTH_REASON(NO_AUTH_MISSING));
        return;
    case STATUS_CONFLICT:
        jsonrpc_fail(call, JSONRPC_CONFLICT, error->reason, 0);
        return;
    case STATUS_FORBIDDEN:
        jsonrpc_fail(call, JSONRPC_FORBIDDEN, error->reason, 0);
        return;
    case STATUS_LIMITED:
        jsonrpc_fail(call, JSONRPC_TOO_MANY, error->reason, error->retry_after_ms);
        return;
    case STATUS_BUSY:
    case STATUS_UNAVAILABLE:
    case STATUS_DEADLINE_EXCEEDED:
        jsonrpc_fail(call, JSONRPC_UNAVAILABLE, NULL,
                     error->retry_after_ms > 0 ? error->retry_after_ms : RETRY_MS);
        break;
    default:
        jsonrpc_fail(call, JSONRPC_SERVER_ERROR, NULL, 0);
    }
    rpc_log_failure(context, method, status, error);
}

bool service_call_wait_known(struct jsonrpc_call *call, const struct rpc_context *context)
{
    static const struct rpc_error no_retry_time = { .retry_after_ms = 0 };
    const struct caller *caller = caller_of(call);

    enum status status = deliver_wait_known(caller->api->deliver, session_key(caller->session),
                                            context->deadline_us);
    if (status != STATUS_OK)
        service_call_fail(call, context, "to fetch the feed's position", status, &no_retry_time);
    return status == STATUS_OK;
}

bool service_call(struct jsonrpc_call *call, const struct rpc_context *context, const char *method,
                  const ProtobufCMessage *request, const ProtobufCMessageDescriptor *reply_type,
                  void *reply_out)
{
    struct rpc_error error;

    enum status status = rpc_call(caller_of(call)->api->bus, context, method, request, reply_type,
                                  reply_out, &error);
    if (status != STATUS_OK)
        service_call_fail(call, context, method, status, &error);
    return status == STATUS_OK;
}

struct continuation {
    struct jsonrpc_call *call;
    struct rpc_context context;
    const char *method;
    service_then *then;
};

static void go_on(void *ctx, enum status status, void *reply_take, const struct rpc_error *error)
{
    struct continuation *continuation = ctx;
    struct jsonrpc_call *call = continuation->call;

    if (status == STATUS_OK)
        continuation->then(call, reply_take);
    else
        service_call_fail(call, &continuation->context, continuation->method, status, error);
    wire_free(reply_take);
    free(continuation);
    jsonrpc_finish(call);
}

void service_call_then(struct jsonrpc_call *call, const struct rpc_context *context,
                       const char *method, const ProtobufCMessage *request,
                       const ProtobufCMessageDescriptor *reply_type, service_then *then)
{
    struct continuation *continuation = xmalloc(sizeof(*continuation));

    *continuation = (struct continuation){ call, *context, method, then };
    rpc_call_async(caller_of(call)->api->bus, context, method, request, reply_type, go_on,
                   continuation);
}

void service_call_put_ok(struct jsonrpc_call *call, const void *reply)
{
    (void)reply;
    json_begin_object(&call->result);
    json_put_string(&call->result, "status", "OK");
    json_end_object(&call->result);
}
