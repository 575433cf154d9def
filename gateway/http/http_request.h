#ifndef GATEWAY_HTTP_HTTP_REQUEST_H
#define GATEWAY_HTTP_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "services/common/base/buffer.h"

/* A request and its answer, for the handlers of http_server.h, on their thread. */
struct http_request;

/* --- requests: everything is borrowed from the request ----------------------------------- */

const char *http_method(const struct http_request *request); /* "GET", "POST"... */
const char *http_path(const struct http_request *request);   /* as sent, begins with '/' */
const char *http_header(const struct http_request *request, const char *name); /* or NULL */

/* The values of a header that may be repeated, in order, at most `max` of them. */
size_t http_header_values(const struct http_request *request, const char *name,
                          const char **values_out, size_t max);
const char *http_peer(const struct http_request *request); /* address of the TCP peer */

/* Copies a cookie's value; false when there is none or it is longer than `size` allows. */
bool http_cookie(const struct http_request *request, const char *name, char *out, size_t size);

enum http_body { HTTP_BODY_OK, HTTP_BODY_TOO_LARGE, HTTP_BODY_BROKEN };

/*
 * Reads the whole body, at most `max` bytes. If no handler reads the body to its end, the
 * connection is closed after the answer, once the client has received it.
 */
enum http_body http_read_body(struct http_request *request, size_t max, struct buffer *body_out);

/*
 * Reads a multipart/form-data body of at most `max` bytes; returns the first file or field named
 * `field`, at most `field_max` bytes. HTTP_BODY_BROKEN also when there is no such field.
 */
enum http_body http_read_form_file(struct http_request *request, const char *field, size_t max,
                                   size_t field_max, struct buffer *file_out);

/* --- answers ----------------------------------------------------------------------------- */

/* Adds a header to the answer. The value must not contain CR or LF (asserted). */
void http_add_header(struct http_request *request, const char *name, const char *value);

/* Sends the answer, without the body for a HEAD request. Once (asserted). */
void http_respond(struct http_request *request, int status, const char *content_type,
                  const void *body, size_t length);

/* {"Error":{"name":..,"message":..}} */
void http_respond_error(struct http_request *request, int status, const char *name,
                        const char *message);

#endif
