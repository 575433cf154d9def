#include "gateway/http/http_server.h"

#include <stdlib.h>

#include "gateway/edge/edge_loop.h"
#include "gateway/http/http_answers.h"
#include "gateway/http/http_handshake.h"
#include "gateway/http/http_request.h"
#include "gateway/http/http_workers.h"
#include "services/common/base/memory.h"

enum { BODY_BYTES_MAX = 64 * 1024 * 1024 /* of all requests that are being read or served */ };

struct http_server {
    struct http_server_options options;
    struct edge_loop *loop;
    struct http_workers *workers;
};

/* A request of a connection: what edge_connection.request is. */
struct served {
    struct http_job job; /* the first member */
    struct http_server *server;
    struct http_request *request;
    enum http_next next;
    bool is_upgrade;
    void *socket; /* whose handshake is being sent */
};

/* --- requests ---------------------------------------------------------------------------- */

static struct served *create_served(struct http_server *server, struct edge_connection *connection)
{
    struct served *served = xcalloc(1, sizeof(*served));

    served->server = server;
    served->request = http_request_create(connection);
    served->job.method = http_method(served->request);
    served->job.path = http_path(served->request);
    connection->request = served;
    return served;
}

static enum edge_verdict begin_upgrade(struct served *served)
{
    served->is_upgrade = true;
    served->next = HTTP_NEXT_WORKER;
    return http_handshake_check(served->request) ? EDGE_ASK_FIRST : EDGE_ANSWERED;
}

static enum edge_verdict handle_head(void *ctx, struct edge_connection *connection)
{
    struct http_server *server = ctx;
    struct served *served = create_served(server, connection);

    connection->body_max = HTTP_SERVER_BODY_MAX;
    served->next = server->options.on_head(server->options.ctx, served->request);
    if (served->next == HTTP_NEXT_NOTHING)
        return EDGE_ANSWERED;
    if (server->options.websocket.upgrade != NULL && http_handshake_is_wanted(served->request))
        return begin_upgrade(served);
    return served->next == HTTP_NEXT_ASK ? EDGE_ASK_FIRST : EDGE_READ_BODY;
}

static void handle_refused(void *ctx, struct edge_connection *connection, int status)
{
    struct http_server *server = ctx;
    struct served *served = connection->request;

    if (served == NULL)
        served = create_served(server, connection);
    if (!http_request_is_answered(served->request))
        server->options.on_refused(server->options.ctx, served->request, status);
}

static void handle_over(void *ctx, struct edge_connection *connection)
{
    struct http_server *server = ctx;
    struct served *served = connection->request;

    if (served == NULL)
        return;
    server->options.on_over(server->options.ctx, served->request);
    http_request_destroy(&served->request);
    free(served);
    connection->request = NULL;
}

/* --- on a worker, or on the loop's thread ------------------------------------------------ */

/* The connection may already serve its next request when these are called. */
struct opening {
    struct http_websocket_handlers handlers;
    void *socket;
};

static void open_socket(void *ctx, int fd)
{
    struct opening *opening = ctx;

    opening->handlers.open(opening->handlers.ctx, opening->socket, fd);
    free(opening);
}

static void abandon_socket(void *ctx)
{
    struct opening *opening = ctx;

    opening->handlers.abandon(opening->handlers.ctx, opening->socket);
    free(opening);
}

static void serve_upgrade(struct served *served)
{
    const struct http_websocket_handlers *handlers = &served->server->options.websocket;
    struct edge_connection *connection = http_request_connection(served->request);
    void *socket = NULL;

    if (!handlers->upgrade(handlers->ctx, served->request, &socket))
        return;
    struct opening *opening = xcalloc(1, sizeof(*opening));
    *opening = (struct opening){ .handlers = *handlers, .socket = socket };
    http_respond_upgrade(served->request, NULL, 0);
    connection->detached = open_socket;
    connection->abandoned = abandon_socket;
    connection->detached_ctx = opening;
}

static void serve(void *ctx, struct http_job *job)
{
    struct http_server *server = ctx;
    struct served *served = (struct served *)job;
    struct edge_connection *connection = http_request_connection(served->request);
    bool was_asked = http_is_asked(served->request);

    if (served->is_upgrade)
        serve_upgrade(served);
    else
        server->options.on_request(server->options.ctx, served->request);
    bool reads_body = !was_asked && http_is_asked(served->request);
    if (!reads_body && !http_request_is_answered(served->request))
        http_respond_error(served->request, 500, "InternalError", "Something went wrong.");
    edge_loop_give_back(server->loop, connection, reads_body);
}

static void handle_request(void *ctx, struct edge_connection *connection)
{
    struct http_server *server = ctx;
    struct served *served = connection->request;

    if (served->next == HTTP_NEXT_QUICK) {
        serve(server, &served->job);
    } else if (!http_workers_submit(server->workers, &served->job)) {
        http_answers_unavailable(served->request);
        edge_loop_give_back(server->loop, connection, false);
    }
}

static bool handle_begin(void *ctx, const char *peer)
{
    struct http_server *server = ctx;

    return server->options.admit == NULL || server->options.admit(server->options.ctx, peer);
}

static void handle_end(void *ctx, const char *peer)
{
    struct http_server *server = ctx;

    if (server->options.leave != NULL)
        server->options.leave(server->options.ctx, peer);
}

/* --- life -------------------------------------------------------------------------------- */

enum status http_server_start(const struct http_server_options *options,
                              struct http_server **server_out)
{
    struct http_server *server = xcalloc(1, sizeof(*server));
    struct http_workers_options workers = { .serve = serve, .ctx = server };
    struct edge_loop_options loop = {
        .host = options->host,
        .port = options->port,
        .connections_max = options->connections_max,
        .body_bytes_max = BODY_BYTES_MAX,
        .on_begin = handle_begin,
        .on_end = handle_end,
        .on_head = handle_head,
        .on_request = handle_request,
        .on_refused = handle_refused,
        .on_over = handle_over,
        .ctx = server,
    };

    server->options = *options;
    enum status status = http_workers_start(&workers, &server->workers);
    if (status == STATUS_OK)
        status = edge_loop_start(&loop, &server->loop);
    if (status != STATUS_OK) {
        http_server_stop(&server);
        return status;
    }
    *server_out = server;
    return STATUS_OK;
}

int http_server_port(const struct http_server *server)
{
    return edge_loop_port(server->loop);
}

void http_server_stop(struct http_server **server)
{
    struct http_server *s = *server;

    if (s == NULL)
        return;
    if (s->loop != NULL)
        edge_loop_stop(s->loop);
    if (s->workers != NULL)
        http_workers_stop(&s->workers);
    if (s->loop != NULL)
        edge_loop_destroy(&s->loop);
    free(s);
    *server = NULL;
}
