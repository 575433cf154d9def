#ifndef GATEWAY_API_JSONRPC_H
#define GATEWAY_API_JSONRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/buffer.h"
#include "services/common/base/json_writer.h"

/*
 * JSON-RPC 2.0 (the specification of 2013-01-04): requests, notifications and batches against a
 * const table of methods. Knows nothing of sockets and services.
 */
enum {
    JSONRPC_PARSE_ERROR = -32700,
    JSONRPC_INVALID_REQUEST = -32600,
    JSONRPC_METHOD_NOT_FOUND = -32601,
    JSONRPC_INVALID_PARAMS = -32602,
    JSONRPC_SERVER_ERROR = -32000,
    JSONRPC_UNAVAILABLE = -32001,
    JSONRPC_TOO_MANY = -32002,
    JSONRPC_CONFLICT = -32003,
    JSONRPC_FORBIDDEN = -32004,

    JSONRPC_PARAMS_MAX = 4,
    JSONRPC_BATCH_MAX = 100,
    JSONRPC_ANSWER_MAX = 32 * 1024 * 1024, /* calls of a batch; a larger one is refused */
};

/* The greatest whole number that every client's language represents exactly (RFC 7493, section
 * 2.2). */
#define JSONRPC_POSITION_MAX ((int64_t)1 << 53)

/* A bound parameter, of the kind that its row declares, or its default. */
struct jsonrpc_value {
    const char *text;  /* JSONRPC_TEXT; borrowed for the call */
    uint32_t number;   /* JSONRPC_INDEX */
    uint64_t position; /* JSONRPC_POSITION */
};

/* A call for its handler, which either writes one value into `result` or calls jsonrpc_fail. */
struct jsonrpc_call {
    struct jsonrpc_value params[JSONRPC_PARAMS_MAX];
    struct json_writer result;
    void *ctx;
    int error; /* 0, or a code; set by jsonrpc_fail */
    char reason[200];
    int64_t retry_after_ms;
    void (*finished)(struct jsonrpc_call *call); /* the options' */
};

/* Answers with an error. `reason` (copied, may be NULL) goes to the client as data.reason, and
 * `retry_after_ms`, unless 0, as data.retryAfterMs. */
void jsonrpc_fail(struct jsonrpc_call *call, int error, const char *reason, int64_t retry_after_ms);

/* Ends the call of an asynchronous method (`is_async`), from any thread; once. The call must not be
 * used afterwards. */
void jsonrpc_finish(struct jsonrpc_call *call);

enum jsonrpc_kind {
    JSONRPC_TEXT,
    JSONRPC_INDEX,    /* a whole number from 0 to INT32_MAX */
    JSONRPC_POSITION, /* one from 0 to JSONRPC_POSITION_MAX */
};

struct jsonrpc_param {
    const char *name;
    enum jsonrpc_kind kind;
    bool required;
    struct jsonrpc_value initial; /* when the parameter is missing or null */
};

struct jsonrpc_method {
    const char *name;
    struct jsonrpc_param params[JSONRPC_PARAMS_MAX]; /* in their positional order */
    size_t param_count;
    void (*handle)(struct jsonrpc_call *call);
    /* False: the call has ended when `handle` returns, which may block. True: `handle` does not
     * block, and the call ends with jsonrpc_finish, called exactly once, before or after it
     * returns. */
    bool is_async;
};

struct jsonrpc_options {
    const struct jsonrpc_method *methods;
    size_t method_count;
    bool numeric_version; /* "jsonrpc":2, as the original */
    /* Called before each well-formed call: false refuses it as one too many. */
    bool (*admit)(void *ctx, int64_t *retry_after_ms_out);
    void *ctx;
};

/* A parsed text of a client. */
struct jsonrpc_message;

/* Never NULL: an invalid text gets an answer, too. `text` is borrowed for the call; the methods and
 * `ctx` until the answer. */
struct jsonrpc_message *jsonrpc_read(const struct jsonrpc_options *options, const char *text,
                                     size_t length);

/* Whether jsonrpc_carry_out will not block: a single call of an asynchronous method, or a text that
 * is refused without a call. */
bool jsonrpc_is_quick(const struct jsonrpc_message *message);

/*
 * Processes the calls in order and frees the message. `done` receives the answer, which it must
 * finish; it is empty for notifications. Called exactly once: before this returns or, for a quick
 * message, on the thread that ends the call.
 */
typedef void jsonrpc_done(void *done_ctx, struct buffer *answer_take);
void jsonrpc_carry_out(struct jsonrpc_message *message_take, jsonrpc_done *done, void *done_ctx);

#endif
