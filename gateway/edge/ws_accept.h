#ifndef GATEWAY_EDGE_WS_ACCEPT_H
#define GATEWAY_EDGE_WS_ACCEPT_H

#include <stdbool.h>

/* The key of the opening handshake of a WebSocket (RFC 6455 sections 4.2.1 and 4.2.2). Pure. */

/* Whether a Sec-WebSocket-Key is 16 bytes in base64. */
bool ws_accept_is_key(const char *key);

/* Sec-WebSocket-Accept for such a key. */
enum { WS_ACCEPT_SIZE = 29 };
void ws_accept(const char *key, char out[WS_ACCEPT_SIZE]);

#endif
