#include "gateway/http/http_request.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "gateway/edge/edge_connection.h"
#include "gateway/edge/ws_accept.h"
#include "services/common/base/clock.h"
#include "services/common/base/json_writer.h"
#include "services/common/base/memory.h"

struct http_request {
    struct edge_connection *connection;
    struct buffer headers; /* of the answer */
    struct buffer vary;    /* its field Vary */
    bool answered;
    bool is_asked; /* the body has been asked for */
    bool has_place;
};

struct http_request *http_request_create(struct edge_connection *connection)
{
    struct http_request *request = xcalloc(1, sizeof(*request));

    request->connection = connection;
    return request;
}

void http_request_destroy(struct http_request **request)
{
    if (*request == NULL)
        return;
    buffer_finish(&(*request)->headers);
    buffer_finish(&(*request)->vary);
    free(*request);
    *request = NULL;
}

bool http_request_is_answered(const struct http_request *request)
{
    return request->answered;
}

struct edge_connection *http_request_connection(const struct http_request *request)
{
    return request->connection;
}

/* --- requests ---------------------------------------------------------------------------- */

static const struct http_head *head_of(const struct http_request *request)
{
    return &request->connection->head;
}

const char *http_method(const struct http_request *request)
{
    return request->connection->has_head ? head_of(request)->method : "";
}

const char *http_path(const struct http_request *request)
{
    /* As sent: what is not one of our paths to the letter is not found. */
    return request->connection->has_head ? head_of(request)->path : "";
}

const char *http_host(const struct http_request *request)
{
    return request->connection->has_head ? head_of(request)->host : "";
}

const char *http_header(const struct http_request *request, const char *name)
{
    return http_head_value(head_of(request), name);
}

bool http_header_has(const struct http_request *request, const char *name, const char *token)
{
    return http_head_has_token(head_of(request), name, token);
}

size_t http_header_values(const struct http_request *request, const char *name,
                          const char **values_out, size_t max)
{
    return http_head_values(head_of(request), name, values_out, max);
}

const char *http_peer(const struct http_request *request)
{
    return request->connection->peer;
}

static size_t trim(const char **text, size_t length)
{
    while (length > 0 && (**text == ' ' || **text == '\t')) {
        (*text)++;
        length--;
    }
    while (length > 0 && ((*text)[length - 1] == ' ' || (*text)[length - 1] == '\t'))
        length--;
    return length;
}

/* One "name=value" of a Cookie header. */
static bool use_cookie(const char *pair, size_t length, const char *name,
                       bool (*use)(void *ctx, const char *value, size_t length), void *ctx)
{
    const char *equals = memchr(pair, '=', length);
    const char *given = pair;

    if (equals == NULL)
        return false;
    const char *value = equals + 1;
    size_t given_length = trim(&given, (size_t)(equals - pair));
    size_t value_length = trim(&value, (size_t)(pair + length - value));
    if (given_length != strlen(name) || memcmp(given, name, given_length) != 0)
        return false;
    if (value_length > 1 && value[0] == '"' && value[value_length - 1] == '"') {
        value++;
        value_length -= 2;
    }
    return use(ctx, value, value_length);
}

bool http_cookies(const struct http_request *request, const char *name,
                  bool (*use)(void *ctx, const char *value, size_t length), void *ctx)
{
    const struct http_head *head = head_of(request);

    for (size_t i = 0; i < head->field_count; i++) {
        const char *at = head->fields[i].value;
        if (strcasecmp(head->fields[i].name, "Cookie") != 0)
            continue;
        while (*at != '\0') {
            size_t length = strcspn(at, ";");
            if (use_cookie(at, length, name, use, ctx))
                return true;
            at += length + (at[length] == ';' ? 1 : 0);
        }
    }
    return false;
}

bool http_has_body(const struct http_request *request)
{
    return request->connection->body_is_complete;
}

void http_want_body(struct http_request *request, size_t max)
{
    assert(!request->answered);
    request->is_asked = true;
    request->connection->body_max = max;
}

bool http_is_asked(const struct http_request *request)
{
    return request->is_asked;
}

void http_set_place(struct http_request *request, bool has_place)
{
    request->has_place = has_place;
}

bool http_has_place(const struct http_request *request)
{
    return request->has_place;
}

const char *http_body(const struct http_request *request, size_t *length_out)
{
    *length_out = request->connection->body.length;
    return request->connection->body.data;
}

/* --- answers ----------------------------------------------------------------------------- */

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        { 101, "Switching Protocols" },
        { 200, "OK" },
        { 204, "No Content" },
        { 304, "Not Modified" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 412, "Precondition Failed" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 417, "Expectation Failed" },
        { 426, "Upgrade Required" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
        { 505, "HTTP Version Not Supported" },
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

/* The status line, and the fields of every answer (RFC 9110 section 6.6.1: Date). */
static void begin_answer(struct buffer *answer, int status)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    char date[40];
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    buffer_printf(answer, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, reason_of(status), date);
}

static void send_answer(struct http_request *request, struct buffer *answer)
{
    assert(!request->answered);
    request->answered = true;
    edge_connection_answer(request->connection, answer->data, answer->length);
    buffer_finish(answer);
}

void http_add_header(struct http_request *request, const char *name, const char *value)
{
    assert(!request->answered && strpbrk(value, "\r\n") == NULL);
    buffer_printf(&request->headers, "%s: %s\r\n", name, value);
}

void http_add_vary(struct http_request *request, const char *name)
{
    assert(!request->answered);
    buffer_printf(&request->vary, "%s%s", request->vary.length > 0 ? ", " : "", name);
}

void http_respond(struct http_request *request, int status, const char *content_type,
                  const void *body, size_t length)
{
    struct buffer answer = { 0 };

    if (!request->connection->body_is_complete)
        request->connection->closes = true;
    begin_answer(&answer, status);
    if (status != 204 && status != 304) /* RFC 9110 section 8.6 */
        buffer_printf(&answer, "Content-Length: %zu\r\n", length);
    buffer_printf(&answer, "Connection: %s%s\r\n",
                  request->connection->closes ? "close" : "keep-alive",
                  status == 426 ? ", Upgrade" : "");
    if (content_type != NULL)
        buffer_printf(&answer, "Content-Type: %s\r\n", content_type);
    buffer_append_text(&answer, "X-Content-Type-Options: nosniff\r\n");
    buffer_append(&answer, request->headers.data, request->headers.length);
    if (request->vary.length > 0)
        buffer_printf(&answer, "Vary: %s\r\n", buffer_text(&request->vary));
    buffer_append_text(&answer, "\r\n");
    if (strcmp(http_method(request), "HEAD") != 0)
        buffer_append(&answer, body, length);
    send_answer(request, &answer);
}

void http_respond_error(struct http_request *request, int status, const char *name,
                        const char *message)
{
    struct json_writer w = { 0 };

    json_begin_object(&w);
    json_key(&w, "Error");
    json_begin_object(&w);
    json_put_string(&w, "name", name);
    json_put_string(&w, "message", message);
    json_end_object(&w);
    json_end_object(&w);
    http_respond(request, status, "application/json; charset=utf-8", w.out.data, w.out.length);
    buffer_finish(&w.out);
}

void http_respond_upgrade(struct http_request *request, const void *bytes, size_t length)
{
    char accept[WS_ACCEPT_SIZE];
    struct buffer answer = { 0 };

    ws_accept(http_header(request, "Sec-WebSocket-Key"), accept);
    request->connection->closes = true;
    begin_answer(&answer, 101);
    buffer_printf(&answer,
                  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
                  accept);
    buffer_append(&answer, request->headers.data, request->headers.length);
    buffer_append_text(&answer, "\r\n");
    buffer_append(&answer, bytes, length);
    send_answer(request, &answer);
}
