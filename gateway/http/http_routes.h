#ifndef GATEWAY_HTTP_HTTP_ROUTES_H
#define GATEWAY_HTTP_HTTP_ROUTES_H

#include "gateway/http/http_server.h"

/* The routes, for http_server.h; `ctx` is a struct http_site. */
enum http_next http_routes_begin(void *ctx, struct http_request *request);
void http_routes_handle(void *ctx, struct http_request *request);
void http_routes_refuse(void *ctx, struct http_request *request, int status);
void http_routes_end(void *ctx, struct http_request *request);

#endif
