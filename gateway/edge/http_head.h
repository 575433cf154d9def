#ifndef GATEWAY_EDGE_HTTP_HEAD_H
#define GATEWAY_EDGE_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The head of an HTTP/1 request: request line and header (RFC 9112, RFC 9110). What two readers
 * could understand differently is refused, so that a proxy in front of us and we always see the
 * same requests: bare CR or LF, folded lines, white space before a colon, control characters, more
 * or fewer than one Host, any doubt about the length of the body. Pure.
 */
enum { HTTP_HEAD_BYTES_MAX = 8192, HTTP_HEAD_FIELDS_MAX = 64 };

struct http_head_field {
    const char *name, *value; /* the value without white space around it */
};

enum http_head_body { HTTP_HEAD_NO_BODY, HTTP_HEAD_LENGTH, HTTP_HEAD_CHUNKED };

/* Everything points into `text`, which http_head_finish frees. */
struct http_head {
    char *text;
    const char *method;
    const char *path; /* as sent, without the query: "/..." or "*" */
    int minor;        /* of the version: HTTP/1.<minor> */
    const char *host; /* "" when HTTP/1.0 sends none */
    struct http_head_field fields[HTTP_HEAD_FIELDS_MAX];
    size_t field_count;
    enum http_head_body body;
    uint64_t length; /* of the body, with HTTP_HEAD_LENGTH; more than 0 */
    bool keeps_alive;
};

/* How far the end of the head has been searched for; zeroed before the first byte. */
struct http_head_scan {
    size_t seen;  /* bytes examined */
    size_t begin; /* of the request line: an empty line before it is skipped (RFC 9112 2.2) */
    bool has_line;
};

/* The results of http_head_scan_on: a status of HTTP to refuse the request with, or one of: */
enum { HTTP_HEAD_INCOMPLETE = 0, HTTP_HEAD_COMPLETE = 200 };

/* Examines the bytes that were added since the last call. `bytes` are all so far. If complete, the
 * head is at bytes[scan->begin] to bytes[scan->seen]. */
int http_head_scan_on(struct http_head_scan *scan, const char *bytes, size_t length);

/* Reads a complete head. HTTP_HEAD_COMPLETE, or the status to refuse it with. The caller ends with
 * http_head_finish in either case. */
int http_head_read(const char *bytes, size_t length, struct http_head *head_out);
void http_head_finish(struct http_head *head);

/* The value of the first field of that name, in any case; NULL when there is none. */
const char *http_head_value(const struct http_head *head, const char *name);

/* The number of fields of that name; the values of the first `max` of them. */
size_t http_head_values(const struct http_head *head, const char *name, const char **values_out,
                        size_t max);

/* Whether one of the fields of that name has `token` in its comma-separated list, in any case. */
bool http_head_has_token(const struct http_head *head, const char *name, const char *token);

/* Whether the text is a token (RFC 9110 section 5.6.2). */
bool http_head_is_token(const char *text, size_t length);

#endif
