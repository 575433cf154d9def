#ifndef GATEWAY_HTTP_HTTP_SOCKET_H
#define GATEWAY_HTTP_HTTP_SOCKET_H

#include <stdbool.h>

/*
 * The socket behind a request. The HTTP library tells nobody its number, nor whether more than the
 * header has been read from it already. So notes are taken of what it reads (recv_hook.h), on
 * threads that serve a connection of it.
 *
 * Everything here concerns the connection that the calling thread serves.
 */

/* A connection begins, or a request of it has been answered: the next bytes are a header. */
void http_socket_reset(void);

/*
 * Is the header of this request all that has been read so far? Only then may the socket become a
 * WebSocket, for frames that came along with the header would stay with the library.
 */
bool http_socket_header_is_all(void);

/* The socket, or -1 before the first byte was read. The library's, which closes it. */
int http_socket_number(void);

/*
 * Takes the socket away from the library, which from now on finds the stream broken, and whose
 * number leads nowhere. Returns the socket, now the caller's to close, or -1 when the process has
 * no numbers left.
 */
int http_socket_detach(void);

#endif
