#include "gateway/api/jsonrpc.h"

#include <assert.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/json.h"
#include "services/common/base/memory.h"

void jsonrpc_fail(struct jsonrpc_call *call, int error, const char *reason, int64_t retry_after_ms)
{
    call->error = error;
    call->retry_after_ms = retry_after_ms;
    snprintf(call->reason, sizeof(call->reason), "%s", reason != NULL ? reason : "");
}

static const char *error_message(int error)
{
    switch (error) {
    case JSONRPC_PARSE_ERROR:
        return "Parse error";
    case JSONRPC_INVALID_REQUEST:
        return "Invalid Request";
    case JSONRPC_METHOD_NOT_FOUND:
        return "Method not found";
    case JSONRPC_INVALID_PARAMS:
        return "Invalid params";
    case JSONRPC_UNAVAILABLE:
        return "Service unavailable";
    case JSONRPC_TOO_MANY:
        return "Too many requests";
    case JSONRPC_CONFLICT:
        return "Conflict";
    case JSONRPC_FORBIDDEN:
        return "Forbidden";
    default:
        return "Server error";
    }
}

/* --- answers ----------------------------------------------------------------------------- */

static void begin_answer(const struct jsonrpc_options *options, struct json_writer *w)
{
    json_begin_object(w);
    if (options->numeric_version)
        json_put_int(w, "jsonrpc", 2);
    else
        json_put_string(w, "jsonrpc", "2.0");
}

/* `id` NULL: unknown. */
static void end_answer(struct json_writer *w, const struct json *id)
{
    json_key(w, "id");
    if (json_text(id) != NULL)
        json_string(w, json_text(id));
    else if (json_number_text(id) != NULL)
        json_raw(w, json_number_text(id), strlen(json_number_text(id)));
    else
        json_null(w);
    json_end_object(w);
}

static void answer_error(const struct jsonrpc_options *options, struct json_writer *w,
                         const struct jsonrpc_call *call, const struct json *id)
{
    begin_answer(options, w);
    json_key(w, "error");
    json_begin_object(w);
    json_put_int(w, "code", call->error);
    json_put_string(w, "message", error_message(call->error));
    if (call->reason[0] != '\0' || call->retry_after_ms > 0) {
        json_key(w, "data");
        json_begin_object(w);
        if (call->reason[0] != '\0')
            json_put_string(w, "reason", call->reason);
        if (call->retry_after_ms > 0)
            json_put_int(w, "retryAfterMs", call->retry_after_ms);
        json_end_object(w);
    }
    json_end_object(w);
    end_answer(w, id);
}

/* An error of a text or request that is none counts as a call, too. */
static void answer_counted_error(const struct jsonrpc_options *options, struct json_writer *w,
                                 int error, const char *reason, const struct json *id)
{
    struct jsonrpc_call call = { .error = 0 };
    int64_t retry_after_ms = 0;

    if (options->admit(options->ctx, &retry_after_ms))
        jsonrpc_fail(&call, error, reason, 0);
    else
        jsonrpc_fail(&call, JSONRPC_TOO_MANY, NULL, retry_after_ms);
    answer_error(options, w, &call, id);
}

/* --- parameters -------------------------------------------------------------------------- */

static void fail_param(struct jsonrpc_call *call, const char *name, const char *what)
{
    char reason[120];

    snprintf(reason, sizeof(reason), "%s: %s", name, what);
    jsonrpc_fail(call, JSONRPC_INVALID_PARAMS, reason, 0);
}

static void bind_param(struct jsonrpc_call *call, const struct jsonrpc_param *param,
                       const struct json *given, struct jsonrpc_value *value)
{
    int64_t number;

    *value = param->initial;
    if (given == NULL || json_is_null(given)) {
        if (param->required)
            fail_param(call, param->name, "is missing");
    } else if (param->kind == JSONRPC_TEXT) {
        value->text = json_text(given);
        if (value->text == NULL)
            fail_param(call, param->name, "must be a string");
    } else if (param->kind == JSONRPC_INDEX && json_to_int(given, 0, INT32_MAX, &number)) {
        value->number = (uint32_t)number;
    } else if (param->kind == JSONRPC_POSITION &&
               json_to_int(given, 0, JSONRPC_POSITION_MAX, &number)) {
        value->position = (uint64_t)number;
    } else {
        fail_param(call, param->name, "must be a whole number, 0 or more");
    }
}

static void bind_positional(struct jsonrpc_call *call, const struct jsonrpc_method *method,
                            const struct json *params)
{
    const struct json *given = json_first(params);

    if (json_count(params) > method->param_count) {
        jsonrpc_fail(call, JSONRPC_INVALID_PARAMS, "too many parameters", 0);
        return;
    }
    for (size_t i = 0; i < method->param_count && call->error == 0; i++) {
        bind_param(call, &method->params[i], given, &call->params[i]);
        if (given != NULL)
            given = json_next(given);
    }
}

static void bind_by_name(struct jsonrpc_call *call, const struct jsonrpc_method *method,
                         const struct json *params)
{
    for (const struct json *given = json_first(params); given != NULL; given = json_next(given)) {
        size_t i = 0;
        while (i < method->param_count && strcmp(method->params[i].name, json_name(given)) != 0)
            i++;
        if (i == method->param_count) {
            jsonrpc_fail(call, JSONRPC_INVALID_PARAMS, "a parameter that this method has not", 0);
            return;
        }
    }
    for (size_t i = 0; i < method->param_count && call->error == 0; i++)
        bind_param(call, &method->params[i], json_member(params, method->params[i].name),
                   &call->params[i]);
}

/* --- requests ---------------------------------------------------------------------------- */

/* One member of a batch, or a request of its own: borrowed from the text. */
struct request {
    const struct json *id; /* NULL: a notification, or unknown */
    const struct json *params;
    const struct jsonrpc_method *method; /* NULL: there is none of that name */
};

static const struct jsonrpc_method *find_method(const struct jsonrpc_options *options,
                                                const char *name)
{
    for (size_t i = 0; i < options->method_count; i++)
        if (strcmp(options->methods[i].name, name) == 0)
            return &options->methods[i];
    return NULL;
}

static bool is_id(const struct json *id)
{
    return json_text(id) != NULL || json_number_text(id) != NULL || json_is_null(id);
}

/* False when it is no request at all. */
static bool read_request(const struct jsonrpc_options *options, const struct json *json,
                         struct request *request)
{
    const char *version = json_text(json_member(json, "jsonrpc"));
    const char *name = json_text(json_member(json, "method"));

    *request =
        (struct request){ .id = json_member(json, "id"), .params = json_member(json, "params") };
    if (!json_is_object(json) || (request->id != NULL && !is_id(request->id))) {
        request->id = NULL;
        return false;
    }
    if (version == NULL || strcmp(version, "2.0") != 0 || name == NULL ||
        (request->params != NULL && !json_is_array(request->params) &&
         !json_is_object(request->params)))
        return false;
    request->method = find_method(options, name);
    return true;
}

/* False: refused, and the call has failed. */
static bool prepare_call(const struct jsonrpc_options *options, const struct request *request,
                         struct jsonrpc_call *call)
{
    int64_t retry_after_ms = 0;

    if (!options->admit(options->ctx, &retry_after_ms))
        jsonrpc_fail(call, JSONRPC_TOO_MANY, NULL, retry_after_ms);
    else if (request->method == NULL)
        jsonrpc_fail(call, JSONRPC_METHOD_NOT_FOUND, NULL, 0);
    else if (json_is_object(request->params))
        bind_by_name(call, request->method, request->params);
    else
        bind_positional(call, request->method, request->params);
    return call->error == 0;
}

/* Nothing for a notification. */
static void answer_call(const struct jsonrpc_options *options, struct json_writer *w,
                        const struct jsonrpc_call *call, const struct json *id)
{
    if (id == NULL)
        return;
    if (call->error != 0) {
        answer_error(options, w, call, id);
        return;
    }
    begin_answer(options, w);
    json_key(w, "result");
    json_raw(w, call->result.out.data, call->result.out.length);
    end_answer(w, id);
}

void jsonrpc_finish(struct jsonrpc_call *call)
{
    void (*finished)(struct jsonrpc_call * call) = call->finished;

    assert(finished != NULL); /* not ended before */
    call->finished = NULL;
    finished(call); /* may free it */
}

/* --- calls one after the other, on a thread that may wait ---------------------------------- */

struct waited_call {
    struct jsonrpc_call call; /* the first member */
    sem_t finished;
};

static void wake_waiter(struct jsonrpc_call *call)
{
    sem_post(&((struct waited_call *)call)->finished);
}

static void handle_and_wait(const struct jsonrpc_method *method, struct waited_call *waited)
{
    method->handle(&waited->call);
    if (method->is_async)
        while (sem_wait(&waited->finished) != 0) /* EINTR */
            continue;
}

static void handle_one(const struct jsonrpc_options *options, const struct json *json,
                       struct json_writer *w)
{
    struct waited_call waited = { .call = { .ctx = options->ctx, .finished = wake_waiter } };
    struct jsonrpc_call *call = &waited.call;
    struct request request;

    if (!read_request(options, json, &request)) {
        answer_counted_error(options, w, JSONRPC_INVALID_REQUEST, NULL, request.id);
        return;
    }
    sem_init(&waited.finished, 0, 0);
    if (w->out.length > JSONRPC_ANSWER_MAX)
        jsonrpc_fail(call, JSONRPC_TOO_MANY, "the answers of this batch are too long", 0);
    else if (prepare_call(options, &request, call))
        handle_and_wait(request.method, &waited);
    answer_call(options, w, call, request.id);
    buffer_finish(&call->result.out);
    sem_destroy(&waited.finished);
}

static void handle_batch(const struct jsonrpc_options *options, const struct json *batch,
                         struct json_writer *w)
{
    size_t count = json_count(batch);

    if (count == 0 || count > JSONRPC_BATCH_MAX) {
        answer_counted_error(options, w, JSONRPC_INVALID_REQUEST,
                             count == 0 ? "an empty batch" : "a batch has at most 100 calls", NULL);
        return;
    }
    json_begin_array(w);
    size_t empty = w->out.length;
    for (const struct json *request = json_first(batch); request != NULL;
         request = json_next(request))
        handle_one(options, request, w);
    json_end_array(w);
    if (w->out.length == empty + 1) /* nothing but notifications: no answer at all */
        w->out.length = 0;
}

/* --- messages ---------------------------------------------------------------------------- */

struct jsonrpc_message {
    struct jsonrpc_call call; /* first member; of an asynchronous message */
    struct jsonrpc_options options;
    struct json *json;      /* NULL: it is none */
    struct request request; /* of a message that is one */
    bool is_request;
    jsonrpc_done *done;
    void *done_ctx;
};

struct jsonrpc_message *jsonrpc_read(const struct jsonrpc_options *options, const char *text,
                                     size_t length)
{
    struct jsonrpc_message *message = xcalloc(1, sizeof(*message));

    message->options = *options;
    message->json = json_parse(text, length);
    if (message->json != NULL)
        json_keep_numbers(message->json, "id", text, length);
    if (message->json != NULL && !json_is_array(message->json))
        message->is_request = read_request(options, message->json, &message->request);
    return message;
}

static bool is_async(const struct jsonrpc_message *message)
{
    return message->is_request && message->request.method != NULL &&
           message->request.method->is_async;
}

bool jsonrpc_is_quick(const struct jsonrpc_message *message)
{
    if (message->json != NULL && json_is_array(message->json))
        return false;
    return !message->is_request || message->request.method == NULL || is_async(message);
}

static void deliver_answer(struct jsonrpc_message *message, struct json_writer *w)
{
    message->done(message->done_ctx, &w->out);
    json_destroy(&message->json);
    free(message);
}

static void finish_message(struct jsonrpc_call *call)
{
    struct jsonrpc_message *message = (struct jsonrpc_message *)call;
    struct json_writer w = { 0 };

    answer_call(&message->options, &w, call, message->request.id);
    buffer_finish(&call->result.out);
    deliver_answer(message, &w);
}

void jsonrpc_carry_out(struct jsonrpc_message *message_take, jsonrpc_done *done, void *done_ctx)
{
    struct jsonrpc_message *message = message_take;
    struct json_writer w = { 0 };

    message->done = done;
    message->done_ctx = done_ctx;
    if (is_async(message)) {
        message->call.ctx = message->options.ctx;
        message->call.finished = finish_message;
        if (prepare_call(&message->options, &message->request, &message->call))
            message->request.method->handle(&message->call);
        else
            jsonrpc_finish(&message->call);
        return;
    }
    if (message->json == NULL)
        answer_counted_error(&message->options, &w, JSONRPC_PARSE_ERROR, NULL, NULL);
    else if (json_is_array(message->json))
        handle_batch(&message->options, message->json, &w);
    else
        handle_one(&message->options, message->json, &w);
    deliver_answer(message, &w);
}
