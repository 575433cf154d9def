#ifndef GATEWAY_EDGE_HTTP_TARGET_H
#define GATEWAY_EDGE_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

/* The request target and the authority of HTTP/1.1 (RFC 9112 section 3.2, RFC 3986). Pure. */

/* A value of the header Host: a name, an IPv4 or a bracketed IPv6 address, and perhaps a port.
 * Not empty: the scheme http has no resource without a host (RFC 9110 section 4.2.1). */
bool http_target_is_authority(const char *text);

/* Whether two authorities name the same host and port. No port, or an empty one, is 80. */
bool http_target_is_same_authority(const char *a, const char *b);

enum http_target_form {
    HTTP_TARGET_INVALID,
    HTTP_TARGET_ORIGIN,   /* "/path?query" */
    HTTP_TARGET_ABSOLUTE, /* "http://host/path?query" */
    HTTP_TARGET_ASTERISK, /* "*" */
};

struct http_target {
    enum http_target_form form;
    char *authority; /* of the absolute form; else NULL */
    char *path;      /* as sent, without the query; "/" if it is empty; "*" of the asterisk form */
};

/* Reads a target, which is cut into parts in place; the results point into it, or to constants. */
struct http_target http_target_read(char *target);

#endif
