#ifndef GATEWAY_HTTP_HTTP_CONDITIONAL_H
#define GATEWAY_HTTP_HTTP_CONDITIONAL_H

#include <stddef.h>

struct http_request;

/* What a cache may keep. Everything is borrowed. */
struct http_representation {
    const char *content_type;
    const char *content_encoding; /* NULL: none */
    const char *cache_control;
    const char *etag; /* strong, with its quotes: other bytes or another coding have another one */
    const void *data;
    size_t size;
};

/*
 * Answers GET and HEAD: 200; or without the body 304, when If-None-Match has the entity tag, and
 * 412, when there is an If-Match without it (RFC 9110 section 13.2.2). There are no dates and no
 * ranges. Headers that have been added before are sent with each of them: a cache updates what it
 * keeps from those of a 304.
 */
void http_conditional_respond(struct http_request *request,
                              const struct http_representation *representation);

#endif
