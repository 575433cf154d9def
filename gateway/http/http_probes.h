#ifndef GATEWAY_HTTP_HTTP_PROBES_H
#define GATEWAY_HTTP_HTTP_PROBES_H

struct http_request;
struct http_site;

/* GET /healthz: the process lives. GET /readyz: 200 only when the bus and all services answer. */
void http_probes_live(const struct http_site *site, struct http_request *request);
void http_probes_ready(const struct http_site *site, struct http_request *request);

#endif
