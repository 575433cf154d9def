#ifndef GATEWAY_CLIENT_SOCKET_H
#define GATEWAY_CLIENT_SOCKET_H

#include <stdatomic.h>
#include <stdint.h>

#include "gateway/http/http_server.h"
#include "services/common/process/settings.h"

/* The life of a client's socket, from the upgrade to the close. */

/* What a client socket uses of other folders. Filled by main.c before the server starts,
 * constant afterwards but for the counter; all borrowed. */
struct client_socket_context {
    const struct settings *settings;
    const atomic_bool *stopping;
    const char *gateway_id;
    atomic_ullong next_session;
    struct socket_loop *loop;
    struct byte_budget *budget;
    struct registry *registry;
    struct logouts *logouts;
    struct client_calls *calls;
    const struct http_site *site;
};

struct http_websocket_handlers client_socket_handlers(struct client_socket_context *context);

/* Handles the events that the socket loop reports (socket_loop.h), on its thread. */
void client_socket_ready(struct client_socket_context *context, uint64_t token, unsigned what);

/* Closes all sockets with 1001 and waits until they are gone, at most 3 s. Needs the registry
 * only. */
void client_socket_close_all(struct client_socket_context *context);

#endif
