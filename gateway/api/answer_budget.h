#ifndef GATEWAY_API_ANSWER_BUDGET_H
#define GATEWAY_API_ANSWER_BUDGET_H

#include "gateway/api/service_call.h"

/*
 * What the answers to one text of a client may cost, in bytes (gateway/socket/byte_budget.h) and in
 * calls. A method whose result can be large fetches it in pieces: before each it takes the budget,
 * and asks the service for no more than that.
 */
enum {
    ANSWER_PIECE_FIRST = 16 * 1024, /* of a service's reply; most results are not larger */
    ANSWER_PIECE = 256 * 1024,
    ANSWER_BYTES_A_CALL = 32 * 1024, /* a result costs one call more for each */
};

/* The size to ask for, as `max_bytes` of the request for the next piece. 0: refused, and the call
 * has failed with -32002 and a time to wait. */
uint32_t answer_budget_next(struct jsonrpc_call *call);

/* The same for a result of one piece of this size. */
uint32_t answer_budget_reserve(struct jsonrpc_call *call, uint32_t bytes);

/* The result is complete, or has failed: gives back what it does not need, and charges the caller
 * for it. */
void answer_budget_settle(struct jsonrpc_call *call);

/* The answers have been passed on. */
void answer_budget_end(struct caller *caller);

#endif
