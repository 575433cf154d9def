#include "gateway/service_call.h"

#include "services/common/log.h"

enum { RETRY_MS = 1000 };

struct caller *caller_of(const struct jsonrpc_call *call)
{
    return call->ctx;
}

const char *caller_tag(const struct jsonrpc_call *call)
{
    return session_identity(caller_of(call)->session)->tag;
}

void service_context(const struct gateway *gateway, struct rpc_context *context)
{
    rpc_context_start(context, gateway->settings->rpc_timeout_ms);
}

void service_fail(struct jsonrpc_call *call, enum status status, const struct rpc_error *error)
{
    switch (status) {
    case STATUS_INVALID_ARGUMENT:
    case STATUS_NOT_FOUND:
        jsonrpc_fail(call, JSONRPC_INVALID_PARAMS, error->reason, 0);
        return;
    case STATUS_CONFLICT:
        jsonrpc_fail(call, JSONRPC_CONFLICT, error->reason, 0);
        return;
    case STATUS_BUSY:
    case STATUS_UNAVAILABLE:
    case STATUS_DEADLINE_EXCEEDED:
        jsonrpc_fail(call, JSONRPC_UNAVAILABLE, NULL,
                     error->retry_after_ms > 0 ? error->retry_after_ms : RETRY_MS);
        return;
    default:
        log_error("a call failed: %s: %s", status_name(status), error->reason);
        jsonrpc_fail(call, JSONRPC_SERVER_ERROR, NULL, 0);
    }
}

bool service_wait_known(struct jsonrpc_call *call, const struct rpc_context *context)
{
    static const struct rpc_error nothing_said = { .retry_after_ms = 0 };
    const struct caller *caller = caller_of(call);

    enum status status = deliver_wait_known(caller->gateway->deliver, session_key(caller->session),
                                            context->deadline_us);
    if (status != STATUS_OK)
        service_fail(call, status, &nothing_said);
    return status == STATUS_OK;
}

bool service_call(struct jsonrpc_call *call, const struct rpc_context *context, const char *method,
                  const ProtobufCMessage *request, const ProtobufCMessageDescriptor *reply_type,
                  void *reply_out)
{
    struct rpc_error error;

    enum status status = rpc_call(caller_of(call)->gateway->bus, context, method, request,
                                  reply_type, reply_out, &error);
    if (status != STATUS_OK)
        service_fail(call, status, &error);
    return status == STATUS_OK;
}
