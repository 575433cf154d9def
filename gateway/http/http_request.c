#include "gateway/http/http_request.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/http/http_civetweb.h"
#include "services/common/base/json_writer.h"

/* --- requests ---------------------------------------------------------------------------- */

const char *http_method(const struct http_request *request)
{
    return request->info->request_method;
}

const char *http_path(const struct http_request *request)
{
    /* Not the library's cleaned path: what is not one of ours to the letter is not found. */
    return request->info->local_uri_raw != NULL ? request->info->local_uri_raw : "*";
}

const char *http_header(const struct http_request *request, const char *name)
{
    return mg_get_header(request->conn, name);
}

size_t http_header_values(const struct http_request *request, const char *name,
                          const char **values_out, size_t max)
{
    size_t count = 0;

    for (int i = 0; i < request->info->num_headers && count < max; i++)
        if (strcasecmp(request->info->http_headers[i].name, name) == 0)
            values_out[count++] = request->info->http_headers[i].value;
    return count;
}

const char *http_peer(const struct http_request *request)
{
    return request->info->remote_addr;
}

bool http_cookie(const struct http_request *request, const char *name, char *out, size_t size)
{
    const char *header = http_header(request, "Cookie");
    return header != NULL && mg_get_cookie(header, name, out, size) > 0;
}

static void expect_continue(struct http_request *request)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const char *expect = http_header(request, "Expect");

    if (expect != NULL && strcasecmp(expect, "100-continue") == 0)
        mg_write(request->conn, go_on, sizeof(go_on) - 1);
}

enum http_body http_read_body(struct http_request *request, size_t max, struct buffer *body_out)
{
    char chunk[4096];
    int n;

    if (request->info->content_length > (long long)max)
        return HTTP_BODY_TOO_LARGE;
    expect_continue(request);
    while ((n = mg_read(request->conn, chunk, sizeof(chunk))) > 0) {
        if (body_out->length + (size_t)n > max)
            return HTTP_BODY_TOO_LARGE;
        buffer_append(body_out, chunk, (size_t)n);
    }
    if (n < 0 || (request->info->content_length > 0 &&
                  body_out->length != (size_t)request->info->content_length))
        return HTTP_BODY_BROKEN;
    request->unread = false;
    return HTTP_BODY_OK;
}

struct form_reading {
    const char *field;
    size_t field_max;
    struct buffer *out;
    bool found, too_large;
};

/* NOLINTNEXTLINE(readability-non-const-parameter): the library's type */
static int form_field_found(const char *key, const char *file_name, char *path, size_t path_size,
                            void *arg)
{
    struct form_reading *reading = arg;

    (void)file_name;
    (void)path;
    (void)path_size;
    if (reading->found || strcmp(key, reading->field) != 0)
        return MG_FORM_FIELD_STORAGE_SKIP;
    reading->found = true;
    return MG_FORM_FIELD_STORAGE_GET;
}

static int form_field_get(const char *key, const char *value, size_t length, void *arg)
{
    struct form_reading *reading = arg;

    (void)key;
    if (reading->out->length + length > reading->field_max) {
        reading->too_large = true;
        return MG_FORM_FIELD_HANDLE_ABORT;
    }
    buffer_append(reading->out, value, length);
    return MG_FORM_FIELD_HANDLE_GET;
}

enum http_body http_read_form_file(struct http_request *request, const char *field, size_t max,
                                   size_t field_max, struct buffer *file_out)
{
    struct form_reading reading = { .field = field, .field_max = field_max, .out = file_out };
    struct mg_form_data_handler handler = {
        .field_found = form_field_found,
        .field_get = form_field_get,
        .user_data = &reading,
    };

    /* Without a length there would be no bound on what the library reads to find the field. */
    if (request->info->content_length > (long long)max)
        return HTTP_BODY_TOO_LARGE;
    if (request->info->content_length <= 0)
        return HTTP_BODY_BROKEN;
    expect_continue(request);
    int fields = mg_handle_form_request(request->conn, &handler);
    if (reading.too_large)
        return HTTP_BODY_TOO_LARGE;
    if (!reading.found || fields < 1)
        return HTTP_BODY_BROKEN;
    request->unread = false;
    return HTTP_BODY_OK;
}

/* --- answers ----------------------------------------------------------------------------- */

void http_add_header(struct http_request *request, const char *name, const char *value)
{
    assert(!request->answered && strpbrk(value, "\r\n") == NULL);
    buffer_printf(&request->headers, "%s: %s\r\n", name, value);
}

void http_respond(struct http_request *request, int status, const char *content_type,
                  const void *body, size_t length)
{
    struct buffer answer = { 0 };
    const char *connection = http_header(request, "Connection");
    bool keep = !request->unread && strcmp(request->info->http_version, "1.1") == 0 &&
                (connection == NULL || strcasecmp(connection, "close") != 0);

    assert(!request->answered);
    request->answered = true;
    buffer_printf(&answer, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\nConnection: %s\r\n", status,
                  mg_get_response_code_text(request->conn, status), length,
                  keep ? "keep-alive" : "close");
    if (content_type != NULL)
        buffer_printf(&answer, "Content-Type: %s\r\n", content_type);
    buffer_append_text(&answer, "X-Content-Type-Options: nosniff\r\n");
    if (request->headers.length > 0)
        buffer_append(&answer, request->headers.data, request->headers.length);
    buffer_append_text(&answer, "\r\n");
    if (strcmp(http_method(request), "HEAD") != 0)
        buffer_append(&answer, body, length);
    mg_write(request->conn, answer.data, answer.length);
    if (!keep)
        mg_disable_connection_keep_alive(request->conn);
    buffer_finish(&answer);
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
