#ifndef COMMON_RPC_RPC_SERVER_H
#define COMMON_RPC_RPC_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "services/common/bus/bus.h"
#include "services/common/rpc/rpc_client.h"

/*
 * Serves rpc.<service>.* in the queue group <service> from a const table of methods, and answers
 * the monitoring subjects $SRV.* (ADR-32). A request that breaks its bounds (request_bounds.h,
 * which have all fields: asserted) gets STATUS_INVALID_ARGUMENT. One whose deadline has passed is
 * dropped; when a lane's queue is full the answer is STATUS_BUSY at once. A method Ping is always
 * there: it answers once the service can do its work.
 */
struct rpc_server;
struct rpc_request;

/* Where a handler runs. Each lane is a bounded pool; RPC_INLINE is the thread that reads for the
 * bus. */
enum rpc_lane {
    RPC_INLINE, /* must not block */
    RPC_FAST,   /* store and service calls */
    RPC_SLOW,   /* long computations, at a lower priority */
};
enum { RPC_LANES = 3 };

/*
 * Answers `call` exactly once with rpc_request_reply or rpc_request_fail, now or later and from any
 * thread. `request` is of the method's type and lives until the answer.
 */
typedef void rpc_handler(void *service, struct rpc_request *call, const void *request);

struct rpc_method {
    const char *name;
    const ProtobufCMessageDescriptor *request_type;
    rpc_handler *handle;
    enum rpc_lane lane;
};

struct rpc_server_options {
    struct bus *bus;
    const char *service; /* borrowed for ever, as are the methods */
    /* Not answered under $SRV.*: a second server of a process, whose first one is. NATS lets a
     * connection reply once to a request that it received twice (allow_responses). */
    bool is_unlisted;
    const struct rpc_method *methods;
    size_t method_count;
    void *ctx; /* passed to the handlers */
    /* Why the service cannot do its work, in a few words for people; NULL: it can. The answer to
     * Ping. Must not block. Without this function, it always can. */
    const char *(*problem)(void *ctx);
    struct {
        size_t threads;   /* 0 = no method uses this lane */
        size_t queue_max; /* calls that may wait */
    } lanes[RPC_LANES];   /* [RPC_INLINE] is ignored */
    /* The lane whose calls take turns by group (fair_queue.h) instead of in the order of arrival;
     * zeroed: none. */
    struct {
        enum rpc_lane lane;
        size_t group_max; /* calls of a group that may wait */
        /* Whose call it is, borrowed from the request, which may be hostile; "": unknown. Must not
         * block. */
        const char *(*group)(const struct rpc_method *method, const void *request);
    } turns;
};

enum status rpc_server_start(const struct rpc_server_options *options,
                             struct rpc_server **server_out) MUST_CHECK;

/* Takes no new calls, waits (up to 5 s, and not beyond bus_end_by) until those accepted are
 * answered, frees. If some are not answered by then, the memory stays valid, so that a store may
 * still answer them. */
void rpc_server_stop(struct rpc_server **server);

/* --- for handlers ------------------------------------------------------------------------ */

/* Instead of an answer, for an inline handler that would have to wait: `handle` is called in that
 * lane, which has threads (asserted), and answers; when its queue is full, the answer is
 * STATUS_BUSY. The caller must not use the request afterwards. */
void rpc_request_defer(struct rpc_request *call, rpc_handler *handle, enum rpc_lane lane);

void rpc_request_reply(struct rpc_request *call, const ProtobufCMessage *reply);

/* `reason` is sent to the caller and may be shown to users: no secrets. NULL: none. */
void rpc_request_fail(struct rpc_request *call, enum status status, const char *reason);

/* Refuses with STATUS_LIMITED: the caller may try again after so many milliseconds. */
void rpc_request_limit(struct rpc_request *call, int64_t retry_after_ms, const char *reason);

/* The context for calls to other services on behalf of this request: same trace, same deadline.
 * Borrowed. */
const struct rpc_context *rpc_request_context(const struct rpc_request *call);

#endif
