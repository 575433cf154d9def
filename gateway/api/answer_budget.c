#include "gateway/api/answer_budget.h"

#include "gateway/api/api_context.h"
#include "gateway/limits/ratelimit.h"
#include "gateway/socket/byte_budget.h"

enum {
    EXPANSION = 2, /* a reply, and the JSON made of it, which is about as long */
    RETRY_MS = 1000,
};

static bool hold(struct caller *caller, size_t bytes)
{
    const char *user = session_key(caller->session);

    if (bytes <= caller->held)
        return true;
    if (!byte_budget_take(caller->api->budget, user, bytes - caller->held))
        return false;
    caller->held = bytes;
    return true;
}

uint32_t answer_budget_reserve(struct jsonrpc_call *call, uint32_t bytes)
{
    struct caller *caller = caller_of(call);

    if (hold(caller, caller->made + call->result.out.length + (size_t)EXPANSION * bytes))
        return bytes;
    jsonrpc_fail(call, JSONRPC_TOO_MANY, "too many bytes are being sent to this user", RETRY_MS);
    return 0;
}

uint32_t answer_budget_next(struct jsonrpc_call *call)
{
    bool first = caller_of(call)->made + call->result.out.length < ANSWER_PIECE_FIRST;

    return answer_budget_reserve(call, first ? ANSWER_PIECE_FIRST : ANSWER_PIECE);
}

void answer_budget_settle(struct jsonrpc_call *call)
{
    struct caller *caller = caller_of(call);
    const char *user = session_key(caller->session);

    if (call->error == 0)
        caller->made += call->result.out.length;
    if (caller->made > caller->held)
        byte_budget_force(caller->api->budget, user, caller->made - caller->held);
    else
        byte_budget_return(caller->api->budget, user, caller->held - caller->made);
    caller->held = caller->made;
    ratelimit_charge(caller->api->call_limit, user,
                     (int64_t)(call->result.out.length / ANSWER_BYTES_A_CALL));
}

void answer_budget_end(struct caller *caller)
{
    byte_budget_return(caller->api->budget, session_key(caller->session), caller->held);
    caller->held = caller->made = 0;
}
