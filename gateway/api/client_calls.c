#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "gateway/api/client_calls.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/api/answer_budget.h"
#include "gateway/api/api_context.h"
#include "gateway/api/jsonrpc.h"
#include "gateway/api/methods.h"
#include "gateway/api/service_call.h"
#include "gateway/limits/ratelimit.h"
#include "gateway/socket/ws_frame_out.h"
#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/common/base/workpool.h"
#include "services/common/bus/bus_request.h"

enum {
    THREADS_MAX = 512,
    STACK_BYTES = 512 * 1024,
    GIVE_UP_MS = 20, /* between two times: a batch makes further requests */
};

struct client_calls {
    const struct api_context *api;
    struct workpool *pool;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t over_cond;
    size_t under_way;
};

/* From its text to its answer. */
struct call {
    struct client_calls *calls;
    struct caller caller;
    struct jsonrpc_message *message;
};

static bool admit_call(void *ctx, int64_t *retry_after_ms_out)
{
    struct caller *caller = ctx;

    return ratelimit_admit(caller->api->call_limit, session_key(caller->session),
                           retry_after_ms_out);
}

static void end_call(struct call *call)
{
    struct client_calls *calls = call->calls;

    session_call_ends(call->caller.session);
    session_unref(&call->caller.session);
    free(call);
    pthread_mutex_lock(&calls->lock);
    if (--calls->under_way == 0)
        pthread_cond_broadcast(&calls->over_cond);
    pthread_mutex_unlock(&calls->lock);
}

static void give_answer(void *done_ctx, struct buffer *answer_take)
{
    struct call *call = done_ctx;

    struct ws_frame_out *frame = NULL;

    if (answer_take->length > 0)
        frame = ws_frame_out_create(WS_OPCODE_TEXT, answer_take->data, answer_take->length);
    buffer_finish(answer_take);
    answer_budget_end(&call->caller); /* what the socket does not accept, the session takes */
    if (frame != NULL)
        session_send(call->caller.session, frame);
    ws_frame_out_unref(&frame);
    end_call(call);
}

static void carry_out_call(void *arg)
{
    struct call *call = arg;

    jsonrpc_carry_out(call->message, give_answer, call);
}

void client_calls_begin(struct client_calls *calls, struct session *session, const char *text,
                        size_t length)
{
    struct call *call = xmalloc(sizeof(*call));
    struct jsonrpc_options options = {
        .methods = api_methods,
        .method_count = api_method_count,
        .numeric_version = calls->api->numeric_version,
        .admit = admit_call,
        .ctx = &call->caller,
    };

    call->calls = calls;
    call->caller = (struct caller){ .api = calls->api,
                                    .session = session_ref(session),
                                    .arrived_us = clock_mono_us() };
    call->message = jsonrpc_read(&options, text, length);
    session_call_begins(session);
    pthread_mutex_lock(&calls->lock);
    calls->under_way++;
    pthread_mutex_unlock(&calls->lock);
    if (jsonrpc_is_quick(call->message) || !workpool_submit(calls->pool, carry_out_call, call))
        carry_out_call(call); /* as many may wait in the pool as there are sessions */
}

struct client_calls *client_calls_create(const struct api_context *api)
{
    struct client_calls *calls = xcalloc(1, sizeof(*calls));
    struct workpool_options pool = {
        .name = "calls",
        .threads = THREADS_MAX,
        .queue_max = api->calls_pending_max,
        .stack_bytes = STACK_BYTES,
    };

    calls->api = api;
    calls->pool = workpool_create(&pool);
    pthread_mutex_init(&calls->lock, NULL);
    pthread_cond_init(&calls->over_cond, NULL);
    return calls;
}

static void wait_until_over(struct client_calls *calls)
{
    pthread_mutex_lock(&calls->lock);
    while (calls->under_way > 0) {
        struct timespec until = clock_after_ms(GIVE_UP_MS);
        pthread_mutex_unlock(&calls->lock);
        bus_request_fail_all(calls->api->bus);
        pthread_mutex_lock(&calls->lock);
        if (calls->under_way > 0)
            pthread_cond_clockwait(&calls->over_cond, &calls->lock, CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&calls->lock);
}

void client_calls_destroy(struct client_calls **calls)
{
    struct client_calls *c = *calls;

    if (c == NULL)
        return;
    wait_until_over(c);
    workpool_destroy(&c->pool);
    pthread_cond_destroy(&c->over_cond);
    pthread_mutex_destroy(&c->lock);
    free(c);
    *calls = NULL;
}
