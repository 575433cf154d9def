#ifndef GATEWAY_HTTP_HTTP_ROUTES_H
#define GATEWAY_HTTP_HTTP_ROUTES_H

#include "gateway/gateway.h"

/* Answers every HTTP request; `ctx` is the gateway. */
void http_route(void *ctx, struct http_request *request);

#endif
