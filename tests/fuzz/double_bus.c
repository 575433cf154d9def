#include "tests/fuzz/double_bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/common/bus/bus_request.h"
#include "services/common/bus/bus_subscription.h"
#include "services/common/rpc/rpc_client.h"
#include "tests/fuzz/fuzz.h"

enum { SUBSCRIPTIONS_MAX = 64, SUBJECT_MAX = 128 };

struct bus {
    int unused;
};

struct bus_subscription {
    char *subject;
    bus_handler *handler;
    void *ctx;
};

struct bus_message {
    char *subject, *reply_to, *error_code;
    void *data; /* of the exact size, so that a read beyond it is seen */
    size_t length;
};

static struct bus the_bus;
static struct bus_subscription *subscriptions[SUBSCRIPTIONS_MAX];
static struct double_bus_answer answer;
static double_bus_responder *respond;

struct bus *double_bus(void)
{
    return &the_bus;
}

/* --- messages ------------------------------------------------------------------------------ */

static struct bus_message *make_message(const char *subject, const char *reply_to, const void *data,
                                        size_t length)
{
    struct bus_message *message = xcalloc(1, sizeof(*message));

    message->subject = xstrdup(subject);
    message->reply_to = reply_to != NULL ? xstrdup(reply_to) : NULL;
    message->data = xmalloc(length > 0 ? length : 1);
    if (length > 0)
        memcpy(message->data, data, length);
    message->length = length;
    return message;
}

const char *bus_message_subject(const struct bus_message *message)
{
    return message->subject;
}

const char *bus_message_reply_to(const struct bus_message *message)
{
    return message->reply_to;
}

const void *bus_message_data(const struct bus_message *message)
{
    return message->data;
}

size_t bus_message_length(const struct bus_message *message)
{
    return message->length;
}

const char *bus_message_header(const struct bus_message *message, const char *name)
{
    return strcmp(name, RPC_HEADER_ERROR_CODE) == 0 ? message->error_code : NULL;
}

void bus_message_destroy(struct bus_message **message)
{
    if (*message == NULL)
        return;
    free((*message)->subject);
    free((*message)->reply_to);
    free((*message)->error_code);
    free((*message)->data);
    free(*message);
    *message = NULL;
}

/* --- subscriptions ------------------------------------------------------------------------- */

enum status bus_subscription_open(struct bus *bus, const char *subject, const char *queue,
                                  bus_handler *handler, void *ctx,
                                  struct bus_subscription **subscription_out)
{
    size_t i = 0;

    (void)queue;
    assert(bus == &the_bus);
    while (i < SUBSCRIPTIONS_MAX && subscriptions[i] != NULL)
        i++;
    assert(i < SUBSCRIPTIONS_MAX);
    subscriptions[i] = xcalloc(1, sizeof(**subscription_out));
    *subscriptions[i] = (struct bus_subscription){ xstrdup(subject), handler, ctx };
    *subscription_out = subscriptions[i];
    return STATUS_OK;
}

void bus_subscription_close(struct bus_subscription **subscription)
{
    if (*subscription == NULL)
        return;
    for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++)
        if (subscriptions[i] == *subscription)
            subscriptions[i] = NULL;
    free((*subscription)->subject);
    free(*subscription);
    *subscription = NULL;
}

void bus_subscription_drain(struct bus_subscription **subscription)
{
    bus_subscription_close(subscription);
}

/* "*" stands for one token, ">" for the rest. */
static bool matches(const char *pattern, const char *subject)
{
    while (*pattern != '\0' && *subject != '\0') {
        size_t wanted = strcspn(pattern, "."), length = strcspn(subject, ".");
        if (strncmp(pattern, ">", wanted) == 0 && wanted == 1)
            return true;
        bool any = wanted == 1 && *pattern == '*';
        if (!any && (wanted != length || strncmp(pattern, subject, length) != 0))
            return false;
        pattern += wanted + (pattern[wanted] == '.');
        subject += length + (subject[length] == '.');
    }
    return *pattern == *subject;
}

size_t double_bus_deliver(const char *subject, const char *reply_to, const void *data,
                          size_t length)
{
    size_t count = 0;

    for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++) {
        const struct bus_subscription *s = subscriptions[i];
        if (s == NULL || !matches(s->subject, subject))
            continue;
        s->handler(s->ctx, make_message(subject, reply_to, data, length));
        count++;
    }
    return count;
}

/* --- publishing ---------------------------------------------------------------------------- */

/* It goes into a line of the protocol: a space or a line end in it would be another command, and a
 * wildcard or an empty token is an error. */
static void check_subject(const char *subject)
{
    size_t length = strlen(subject);

    assert(length > 0 && length <= SUBJECT_MAX);
    assert(subject[0] != '.' && subject[length - 1] != '.' && strstr(subject, "..") == NULL);
    for (size_t i = 0; i < length; i++)
        assert(subject[i] > ' ' && subject[i] < 127 && subject[i] != '*' && subject[i] != '>');
}

const struct double_bus_answer *double_bus_answered(void)
{
    return &answer;
}

void double_bus_forget(void)
{
    answer.count = 0;
    answer.error_code[0] = '\0';
    buffer_finish(&answer.data);
}

enum status bus_publish_headers(struct bus *bus, const char *subject,
                                const struct bus_header *headers, size_t header_count,
                                const void *data, size_t length)
{
    assert(bus == &the_bus);
    check_subject(subject);
    assert(length <= DOUBLE_BUS_PAYLOAD_MAX);
    for (size_t i = 0; i < header_count; i++)
        assert(strpbrk(headers[i].value, "\r\n") == NULL);
    if (strcmp(subject, DOUBLE_BUS_INBOX) != 0)
        return STATUS_OK;
    answer.count++;
    buffer_clear(&answer.data);
    buffer_append(&answer.data, data, length);
    for (size_t i = 0; i < header_count; i++)
        if (strcmp(headers[i].name, RPC_HEADER_ERROR_CODE) == 0)
            snprintf(answer.error_code, sizeof(answer.error_code), "%s", headers[i].value);
    return STATUS_OK;
}

enum status bus_publish(struct bus *bus, const char *subject, const void *data, size_t length)
{
    return bus_publish_headers(bus, subject, NULL, 0, data, length);
}

void bus_hold(struct bus *bus)
{
    assert(bus == &the_bus);
}

void bus_release(struct bus *bus)
{
    assert(bus == &the_bus);
}

bool bus_flush(struct bus *bus, int64_t timeout_ms)
{
    (void)timeout_ms;
    return bus == &the_bus;
}

bool bus_is_connected(const struct bus *bus)
{
    return bus == &the_bus;
}

int64_t bus_clip_ms(const struct bus *bus, int64_t ms)
{
    assert(bus == &the_bus);
    return ms;
}

/* --- requests ------------------------------------------------------------------------------ */

void double_bus_respond(double_bus_responder *responder)
{
    respond = responder;
}

struct bus_request {
    enum status status;
    struct bus_message *reply;
};

static struct bus_request ask(const char *subject, const void *data, size_t length)
{
    struct bus_request request = { .status = STATUS_UNAVAILABLE };
    enum status error = STATUS_OK;
    struct buffer out = { 0 };

    check_subject(subject);
    assert(length <= DOUBLE_BUS_PAYLOAD_MAX);
    if (respond != NULL)
        request.status = respond(subject, data, length, &out, &error);
    if (request.status == STATUS_OK) {
        request.reply = make_message("_INBOX.reply", NULL, out.data, out.length);
        if (error != STATUS_OK)
            request.reply->error_code = xasprintf("%d", (int)error);
    }
    buffer_finish(&out);
    return request;
}

enum status bus_request_begin(struct bus *bus, const char *subject,
                              const struct bus_header *headers, size_t header_count,
                              const void *data, size_t length, struct bus_request **request_out)
{
    (void)headers;
    (void)header_count;
    assert(bus == &the_bus);
    *request_out = xcalloc(1, sizeof(**request_out));
    **request_out = ask(subject, data, length);
    return STATUS_OK;
}

enum status bus_request_end(struct bus_request **request, int64_t deadline_us,
                            struct bus_message **reply_out)
{
    enum status status = (*request)->status;

    (void)deadline_us;
    *reply_out = (*request)->reply;
    free(*request);
    *request = NULL;
    return status;
}

void bus_request_async(struct bus *bus, const char *subject, const struct bus_header *headers,
                       size_t header_count, const void *data, size_t length, int64_t deadline_us,
                       bus_reply_handler *handler, void *ctx)
{
    (void)headers;
    (void)header_count;
    (void)deadline_us;
    assert(bus == &the_bus);
    struct bus_request request = ask(subject, data, length);
    handler(ctx, request.status, request.reply);
}

void bus_request_fail_all(struct bus *bus)
{
    assert(bus == &the_bus);
}
