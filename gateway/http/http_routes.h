#ifndef GATEWAY_HTTP_HTTP_ROUTES_H
#define GATEWAY_HTTP_HTTP_ROUTES_H

struct http_request;
struct http_site;

/* Answers every HTTP request; `ctx` is a struct http_site. */
void http_routes_handle(void *ctx, struct http_request *request);

#endif
