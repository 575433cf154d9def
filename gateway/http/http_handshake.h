#ifndef GATEWAY_HTTP_HTTP_HANDSHAKE_H
#define GATEWAY_HTTP_HTTP_HANDSHAKE_H

#include <stdbool.h>

struct http_request;

/*
 * The opening handshake of a WebSocket (RFC 6455 section 4.2). We speak no subprotocol and no
 * extension, so the answer names none, whatever the client offers.
 */

/* Whether the request asks for a WebSocket, well or badly. */
bool http_handshake_is_wanted(const struct http_request *request);

/* False: the request has been answered, with 400, or 426 for another version than 13. */
bool http_handshake_check(struct http_request *request);

/* 426, for a path that has only WebSockets. */
void http_handshake_require(struct http_request *request);

#endif
