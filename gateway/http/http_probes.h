#ifndef GATEWAY_HTTP_HTTP_PROBES_H
#define GATEWAY_HTTP_HTTP_PROBES_H

#include "gateway/gateway.h"

/* GET /healthz: the process lives. GET /readyz: 200 only when the bus and all services answer. */
void health_live(struct gateway *gateway, struct http_request *request);
void health_ready(struct gateway *gateway, struct http_request *request);

#endif
