#ifndef GATEWAY_HTTP_HTTP_PROBES_H
#define GATEWAY_HTTP_HTTP_PROBES_H

struct http_request;
struct http_site;

/* GET /healthz: 200 while the process runs. GET /readyz: 200 when the bus and all services answer,
 * else 503. */
void http_probes_live(const struct http_site *site, struct http_request *request);
void http_probes_ready(const struct http_site *site, struct http_request *request);

#endif
