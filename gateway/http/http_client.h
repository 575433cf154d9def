#ifndef GATEWAY_HTTP_HTTP_CLIENT_H
#define GATEWAY_HTTP_HTTP_CLIENT_H

#include <stdbool.h>

#include "gateway/limits/client_address.h"

struct http_request;
struct http_site;

/* What a trusted proxy says of the client that it forwards. */

/* The client's address, in its canonical form. */
void http_client_address(const struct http_site *site, const struct http_request *request,
                         char out[CLIENT_ADDRESS_SIZE]);

/* Whether the client's connection is encrypted, or `cookie.secure` says so. */
bool http_client_is_secure(const struct http_site *site, const struct http_request *request);

/* The network of that address (client_address_group): what the user service counts failed log-ins
 * by, and queues hashes by. */
void http_client_network(const struct http_site *site, const struct http_request *request,
                         char out[CLIENT_ADDRESS_SIZE]);

/* What is counted as one client of a request (client_address_group); "" for one that is not
 * counted: from this machine, or a trusted proxy itself. */
void http_client_group(const struct http_site *site, const struct http_request *request,
                       char out[CLIENT_ADDRESS_SIZE]);

/*
 * Bounds the connections of a client, `limits.connectionsPerAddress`. Those of a trusted proxy
 * serve many clients: there, the requests in progress of each forwarded address are bounded.
 * Connections from this machine are not: it is a proxy that nobody has named, or a check of our
 * health.
 */
bool http_client_admit(void *ctx, const char *peer); /* `ctx` is a struct http_site */
void http_client_leave(void *ctx, const char *peer);

/* For a request of a trusted proxy; nothing for others. True once for each leave. */
bool http_client_take_place(const struct http_site *site, struct http_request *request);
void http_client_leave_place(const struct http_site *site, struct http_request *request);

#endif
