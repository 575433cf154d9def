#ifndef GATEWAY_HTTP_HTTP_REQUEST_H
#define GATEWAY_HTTP_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "services/common/base/buffer.h"

/* A request and its answer, for the handlers of http_server.h, on their thread. */
struct http_request;
struct edge_connection;

/* For http_server.c: a request of the connection, which is borrowed; NULL's end is nothing. */
struct http_request *http_request_create(struct edge_connection *connection);
void http_request_destroy(struct http_request **request);
bool http_request_is_answered(const struct http_request *request);
struct edge_connection *http_request_connection(const struct http_request *request);

/* --- requests: everything is borrowed from the request ----------------------------------- */

const char *http_method(const struct http_request *request); /* "GET", "POST"... */
const char *http_path(const struct http_request *request);   /* as sent: begins with '/', or "*" */
const char *http_host(const struct http_request *request);   /* "" when HTTP/1.0 sends none */
const char *http_header(const struct http_request *request, const char *name); /* or NULL */
const char *http_peer(const struct http_request *request); /* address of the TCP peer */

/* Whether a header that is a list has this token, in any case. */
bool http_header_has(const struct http_request *request, const char *name, const char *token);

/* The values of a header that may be repeated, in order, at most `max` of them. Returns how many
 * there are. */
size_t http_header_values(const struct http_request *request, const char *name,
                          const char **values_out, size_t max);

/*
 * The values of the cookies of that name (RFC 6265), in order, without the quotes that may enclose
 * them. Calls `use` with each until it returns true; returns whether it has.
 */
bool http_cookies(const struct http_request *request, const char *name,
                  bool (*use)(void *ctx, const char *value, size_t length), void *ctx);

/* Whether the body has been received whole; also true when there is none. */
bool http_has_body(const struct http_request *request);

/*
 * Of a handler that is called before the body is read: have it read, at most `max` bytes, and the
 * handler called again. http_is_asked is true then.
 */
void http_want_body(struct http_request *request, size_t max);
bool http_is_asked(const struct http_request *request);

/* The body, once it has been received. */
const char *http_body(const struct http_request *request, size_t *length_out);

/* For http_client.c: whether the request has taken a place of its client's address. */
void http_set_place(struct http_request *request, bool has_place);
bool http_has_place(const struct http_request *request);

/* --- answers ----------------------------------------------------------------------------- */

/* Adds a header to the answer. The value must not contain CR or LF (asserted). */
void http_add_header(struct http_request *request, const char *name, const char *value);

/* Adds the name of a header of the request, on which the answer depends, to the answer's Vary. */
void http_add_vary(struct http_request *request, const char *name);

/* Makes the answer, without the body for a HEAD request. Once (asserted). */
void http_respond(struct http_request *request, int status, const char *content_type,
                  const void *body, size_t length);

/* {"Error":{"name":..,"message":..}} */
void http_respond_error(struct http_request *request, int status, const char *name,
                        const char *message);

/* 101, the answer to a request that http_handshake.h accepts, with the headers that were added, and
 * followed by `bytes` (frames). The connection is closed after it, unless http_server.c detaches
 * it. */
void http_respond_upgrade(struct http_request *request, const void *bytes, size_t length);

#endif
