#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/common/rpc/rpc_server.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common.pb-c.h"
#include "services/common/base/clock.h"
#include "services/common/base/fair_queue.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/text.h"
#include "services/common/base/workpool.h"
#include "services/common/bus/bus_subscription.h"
#include "services/common/rpc/request_bounds.h"
#include "services/common/rpc/rpc_monitor.h"
#include "services/common/rpc/wire.h"

enum { DEFAULT_TIMEOUT_MS = 5000, MAX_TIMEOUT_MS = 600000, RETRY_MS = 500, STOP_MS = 5000 };

#define SAME(status, code)                                                                         \
    static_assert((int)(status) == (int)MESSENGER__ERROR_CODE__ERROR_##code,                       \
                  "status.h and common.proto")
SAME(STATUS_INVALID_ARGUMENT, INVALID_ARGUMENT);
SAME(STATUS_UNAUTHENTICATED, UNAUTHENTICATED);
SAME(STATUS_FORBIDDEN, FORBIDDEN);
SAME(STATUS_NOT_FOUND, NOT_FOUND);
SAME(STATUS_ALREADY_EXISTS, ALREADY_EXISTS);
SAME(STATUS_CONFLICT, CONFLICT);
SAME(STATUS_LIMITED, LIMITED);
SAME(STATUS_BUSY, BUSY);
SAME(STATUS_INTERNAL, INTERNAL);
SAME(STATUS_UNAVAILABLE, UNAVAILABLE);
SAME(STATUS_DEADLINE_EXCEEDED, DEADLINE_EXCEEDED);

struct rpc_server {
    struct rpc_server_options options;
    struct bus_subscription *subscription;
    struct rpc_monitor *monitor;
    struct workpool *lanes[RPC_LANES];
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t idle_cond;
    struct fair_queue *turns; /* the calls that take turns; NULL: none do */
    size_t unanswered;
};

struct rpc_request {
    struct rpc_server *server;
    const struct rpc_method *method;
    rpc_handler *handle;
    struct bus_message *message;
    void *request;
    struct rpc_context context;
    int64_t arrived_us;
};

const struct rpc_context *rpc_request_context(const struct rpc_request *call)
{
    return &call->context;
}

/* --- answering --------------------------------------------------------------------------- */

static void finish_call(struct rpc_request *call, enum status status)
{
    struct rpc_server *server = call->server;

    if (call->method != NULL && server->monitor != NULL)
        rpc_monitor_count(server->monitor, (size_t)(call->method - server->options.methods),
                          clock_mono_us() - call->arrived_us, status);
    wire_free(call->request);
    bus_message_destroy(&call->message);
    free(call);
    pthread_mutex_lock(&server->lock);
    if (--server->unanswered == 0)
        pthread_cond_broadcast(&server->idle_cond);
    pthread_mutex_unlock(&server->lock);
}

void rpc_request_reply(struct rpc_request *call, const ProtobufCMessage *reply)
{
    const char *reply_to = bus_message_reply_to(call->message);

    if (reply_to != NULL)
        wire_publish(call->server->options.bus, reply_to, reply);
    finish_call(call, STATUS_OK);
}

static bool is_expected(enum status status)
{
    return status < STATUS_INTERNAL;
}

static void answer_failure(struct rpc_request *call, enum status status, const char *reason,
                           uint32_t retry_after_ms)
{
    Messenger__ErrorDetail detail = MESSENGER__ERROR_DETAIL__INIT;
    const char *reply_to = bus_message_reply_to(call->message);
    struct buffer packed = { 0 };
    char code[16];
    struct bus_header headers[] = {
        { RPC_HEADER_ERROR_CODE, code },
        { RPC_HEADER_ERROR, status_name(status) },
    };

    if (!is_expected(status))
        log_warn("%s: %s: %s", bus_message_subject(call->message), status_name(status),
                 reason != NULL ? reason : "-");
    if (reply_to != NULL) {
        snprintf(code, sizeof(code), "%d", (int)status);
        if (reason != NULL)
            detail.reason = wire_borrow(reason);
        detail.retry_after_ms = retry_after_ms;
        wire_pack(&detail.base, &packed);
        if (bus_publish_headers(call->server->options.bus, reply_to, headers, 2, packed.data,
                                packed.length) != STATUS_OK)
            log_warn("cannot answer %s", bus_message_subject(call->message));
        buffer_finish(&packed);
    }
    finish_call(call, status);
}

void rpc_request_fail(struct rpc_request *call, enum status status, const char *reason)
{
    bool passing = status == STATUS_BUSY || status == STATUS_UNAVAILABLE;

    answer_failure(call, status, reason, passing ? RETRY_MS : 0);
}

void rpc_request_limit(struct rpc_request *call, int64_t retry_after_ms, const char *reason)
{
    if (retry_after_ms < 1)
        retry_after_ms = 1;
    if (retry_after_ms > UINT32_MAX)
        retry_after_ms = UINT32_MAX;
    answer_failure(call, STATUS_LIMITED, reason, (uint32_t)retry_after_ms);
}

/* --- taking calls ------------------------------------------------------------------------ */

static void run_call(void *arg)
{
    struct rpc_request *call = arg;
    char trace[33];

    rpc_context_trace_id(&call->context, trace);
    log_set_trace(trace);
    if (clock_mono_us() >= call->context.deadline_us)
        rpc_request_fail(call, STATUS_DEADLINE_EXCEEDED, "the deadline passed in the queue");
    else
        call->handle(call->server->options.ctx, call, call->request);
    log_set_trace(NULL);
}

static const struct rpc_method *find_method(const struct rpc_server *server, const char *name)
{
    for (size_t i = 0; i < server->options.method_count; i++)
        if (strcmp(server->options.methods[i].name, name) == 0)
            return &server->options.methods[i];
    return NULL;
}

static bool is_lower_hex(const char *text, size_t length)
{
    return strspn(text, "0123456789abcdef") >= length;
}

/* W3C Trace Context, version 00: 00-<32 hex digits>-<16>-<2>. */
static bool is_traceparent(const char *text)
{
    return strlen(text) == 55 && strncmp(text, "00-", 3) == 0 && is_lower_hex(text + 3, 32) &&
           text[35] == '-' && is_lower_hex(text + 36, 16) && text[52] == '-' &&
           is_lower_hex(text + 53, 2);
}

static void read_context(struct rpc_request *call)
{
    const char *timeout = bus_message_header(call->message, RPC_HEADER_TIMEOUT);
    const char *trace = bus_message_header(call->message, RPC_HEADER_TRACE);
    int64_t timeout_ms;

    if (timeout == NULL || !text_to_int(timeout, 1, MAX_TIMEOUT_MS, &timeout_ms))
        timeout_ms = DEFAULT_TIMEOUT_MS;
    call->context.deadline_us = call->arrived_us + timeout_ms * 1000;
    if (trace != NULL && is_traceparent(trace))
        memcpy(call->context.traceparent, trace, sizeof(call->context.traceparent));
}

void rpc_request_defer(struct rpc_request *call, rpc_handler *handle, enum rpc_lane lane)
{
    assert(lane != RPC_INLINE && call->server->lanes[lane] != NULL);
    call->handle = handle;
    if (!workpool_submit(call->server->lanes[lane], run_call, call))
        rpc_request_fail(call, STATUS_BUSY, "too many calls are waiting");
}

/* --- calls that take turns ----------------------------------------------------------------- */

static struct rpc_request *next_in_turn(struct rpc_server *server)
{
    pthread_mutex_lock(&server->lock);
    struct rpc_request *call = fair_queue_pop(server->turns);
    pthread_mutex_unlock(&server->lock);
    return call;
}

static void run_turn(void *arg)
{
    struct rpc_request *call = next_in_turn(arg);

    if (call != NULL)
        run_call(call);
}

static void refuse_in_turn(struct rpc_request *call)
{
    rpc_request_fail(call, STATUS_BUSY, "too many calls of this group are waiting");
}

/* Each call that is enqueued asks the lane for one turn, which may become another call's. */
static void enqueue_in_turn(struct rpc_request *call)
{
    struct rpc_server *server = call->server;
    const char *group = server->options.turns.group(call->method, call->request);
    void *displaced;

    pthread_mutex_lock(&server->lock);
    bool accepted = fair_queue_push(server->turns, group, call, &displaced);
    pthread_mutex_unlock(&server->lock);
    if (!accepted) {
        refuse_in_turn(call);
    } else if (displaced != NULL) { /* this call has its turn */
        refuse_in_turn(displaced);
    } else if (!workpool_submit(server->lanes[call->method->lane], run_turn, server)) {
        struct rpc_request *other = next_in_turn(server);
        if (other != NULL)
            refuse_in_turn(other);
    }
}

static const char *find_problem(const struct rpc_server *server)
{
    return server->options.problem != NULL ? server->options.problem(server->options.ctx) : NULL;
}

static void handle_message(void *ctx, struct bus_message *message_take)
{
    static const Messenger__Empty pong = MESSENGER__EMPTY__INIT;
    struct rpc_server *server = ctx;
    struct rpc_request *call = xcalloc(1, sizeof(*call));
    const char *dot = strrchr(bus_message_subject(message_take), '.');

    call->server = server;
    call->message = message_take;
    call->arrived_us = clock_mono_us();
    read_context(call);
    pthread_mutex_lock(&server->lock);
    server->unanswered++;
    pthread_mutex_unlock(&server->lock);

    if (strcmp(dot + 1, "Ping") == 0) {
        const char *problem = find_problem(server);
        if (problem == NULL)
            rpc_request_reply(call, &pong.base);
        else
            rpc_request_fail(call, STATUS_UNAVAILABLE, problem);
        return;
    }
    call->method = find_method(server, dot + 1);
    if (call->method == NULL) {
        rpc_request_fail(call, STATUS_NOT_FOUND, "no such method");
        return;
    }
    call->handle = call->method->handle;
    call->request = wire_unpack(call->method->request_type, bus_message_data(message_take),
                                bus_message_length(message_take));
    const char *problem = call->request == NULL ? "the payload is not a request of this method"
                                                : request_bounds_check(call->request);
    if (problem != NULL)
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
    else if (call->method->lane == RPC_INLINE)
        run_call(call);
    else if (server->turns != NULL && call->method->lane == server->options.turns.lane)
        enqueue_in_turn(call);
    else
        rpc_request_defer(call, call->handle, call->method->lane);
}

/* --- life -------------------------------------------------------------------------------- */

static void start_lanes(struct rpc_server *server)
{
    static const struct {
        const char *name;
        int niceness;
    } kinds[RPC_LANES] = { [RPC_FAST] = { "rpc-fast", 0 }, [RPC_SLOW] = { "rpc-slow", 10 } };

    for (int lane = RPC_FAST; lane < RPC_LANES; lane++) {
        struct workpool_options options = {
            .name = kinds[lane].name,
            .threads = server->options.lanes[lane].threads,
            .queue_max = server->options.lanes[lane].queue_max,
            .niceness = kinds[lane].niceness,
        };
        if (options.threads > 0)
            server->lanes[lane] = workpool_create(&options);
    }
}

enum status rpc_server_start(const struct rpc_server_options *options,
                             struct rpc_server **server_out)
{
    struct rpc_server *server = xcalloc(1, sizeof(*server));
    const char **names = xcalloc(options->method_count, sizeof(*names));
    char *subject = xasprintf("rpc.%s.*", options->service);
    struct rpc_monitor_options monitor = {
        .bus = options->bus,
        .name = options->service,
        .endpoints = names,
        .endpoint_count = options->method_count,
        .problem = options->problem,
        .ctx = options->ctx,
    };

    server->options = *options;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->idle_cond, NULL);
    for (size_t i = 0; i < options->method_count; i++) {
        assert(request_bounds_cover(options->methods[i].request_type));
        names[i] = options->methods[i].name;
    }
    if (options->turns.group != NULL)
        server->turns = fair_queue_create(options->lanes[options->turns.lane].queue_max,
                                          options->turns.group_max);
    start_lanes(server);
    enum status status =
        options->is_unlisted ? STATUS_OK : rpc_monitor_start(&monitor, &server->monitor);
    if (status == STATUS_OK)
        status = bus_subscription_open(options->bus, subject, options->service, handle_message,
                                       server, &server->subscription);
    free(names);
    free(subject);
    if (status != STATUS_OK)
        rpc_server_stop(&server);
    *server_out = server;
    return status;
}

static bool wait_until_idle(struct rpc_server *server)
{
    struct timespec until = clock_after_ms(bus_clip_ms(server->options.bus, STOP_MS));

    pthread_mutex_lock(&server->lock);
    while (server->unanswered > 0 &&
           pthread_cond_clockwait(&server->idle_cond, &server->lock, CLOCK_MONOTONIC, &until) == 0)
        continue;
    bool is_idle = server->unanswered == 0;
    if (!is_idle)
        log_warn("%zu calls are left unanswered", server->unanswered);
    pthread_mutex_unlock(&server->lock);
    return is_idle;
}

void rpc_server_stop(struct rpc_server **server)
{
    struct rpc_server *s = *server;

    if (s == NULL)
        return;
    bus_subscription_drain(&s->subscription);
    *server = NULL;
    bool is_idle = wait_until_idle(s);
    for (int lane = 0; lane < RPC_LANES; lane++)
        workpool_destroy(&s->lanes[lane]);
    if (!is_idle)
        return; /* a store may still answer: this memory stays valid until the process ends */
    fair_queue_destroy(&s->turns);
    rpc_monitor_stop(&s->monitor);
    pthread_cond_destroy(&s->idle_cond);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
