#ifndef GATEWAY_HTTP_HTTP_SOCKET_H
#define GATEWAY_HTTP_HTTP_SOCKET_H

#include <stdbool.h>

/*
 * The socket of a request. The HTTP library does not expose its descriptor, nor whether it has read
 * beyond the header. So its reads are observed (recv_hook.h), on the threads that serve
 * connections.
 *
 * All functions concern the connection that the calling thread serves.
 */

/* A connection begins, or a request has been answered: the next bytes are a header. */
void http_socket_reset(void);

/*
 * Whether nothing but the header of this request has been read. Only then may the socket become a
 * WebSocket: frames received together with the header would stay in the library's buffer.
 */
bool http_socket_header_is_all(void);

/* The descriptor, owned by the library; -1 before the first byte was read. */
int http_socket_number(void);

/*
 * Detaches the socket from the library, whose descriptor then refers to /dev/null. Returns a new
 * descriptor, owned by the caller, or -1 when the process has none left.
 */
int http_socket_detach(void);

#endif
