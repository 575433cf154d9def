#define _GNU_SOURCE /* pthread_setattr_default_np, pthread_timedjoin_np */
#include "gateway/http/http_server.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gateway/http/http_civetweb.h"
#include "gateway/http/http_request.h"
#include "gateway/http/http_socket.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"

enum {
    THREADS = 512, /* as many connections may be served at once */
    LINGER_MS = 1000,
    LINGER_BYTES_MAX = 32 * 1024 * 1024,
    NUDGE_MS = 10, /* from one connection of ours to the next, when stopping */
};

/* Thread stacks: the library sets no size, and with hundreds of threads 8 MiB each add up to more
 * address space than they are worth. The sanitizers need more room in each frame. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STACK_BYTES = 2 * 1024 * 1024 };
#else
enum { STACK_BYTES = 256 * 1024 };
#endif

struct http_server {
    struct http_server_options options;
    struct mg_context *civetweb;
    int port;
};

/* The WebSocket whose handshake this thread sends. The library has no place for it between the
 * upgrade and the end of the handshake. */
static _Thread_local void *opening;

static struct http_server *server_of(const struct mg_connection *conn)
{
    return mg_get_user_data(mg_get_context(conn));
}

/* Reads on for a moment after the answer: closing a socket with bytes unread makes the kernel send
 * a reset, which may overtake the answer. */
static void linger_on_socket(int fd)
{
    char scrap[16384];
    size_t left = LINGER_BYTES_MAX;
    int64_t until_ms = clock_mono_ms() + LINGER_MS;
    struct timeval slice = { .tv_usec = 100 * 1000 };

    shutdown(fd, SHUT_WR);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof(slice));
    while (left > 0 && clock_mono_ms() < until_ms) {
        ssize_t n = recvfrom(fd, scrap, sizeof(scrap), 0, NULL, NULL);
        if (n == 0)
            return;
        if (n > 0)
            left -= (size_t)n < left ? (size_t)n : left;
    }
}

/* --- what the library calls: HTTP -------------------------------------------------------- */

static int handle_request(struct mg_connection *conn, void *arg)
{
    struct http_server *server = arg;
    struct http_request request = { .conn = conn, .info = mg_get_request_info(conn) };

    request.unread = request.info->content_length > 0 || /* -1: no such header */
                     http_header(&request, "Transfer-Encoding") != NULL;
    server->options.on_request(server->options.ctx, &request);
    if (!request.answered)
        http_respond_error(&request, 500, "InternalError", "Something went wrong.");
    if (request.unread)
        linger_on_socket(http_socket_number());
    buffer_finish(&request.headers);
    return 200; /* answered; the number is for statistics only */
}

/* The library's own errors (a bad request line, a header too long) in the shape of ours. */
static int handle_error(struct mg_connection *conn, int status, const char *text)
{
    struct http_request request = { .conn = conn,
                                    .info = mg_get_request_info(conn),
                                    .unread = true };
    struct mg_request_info none = { .request_method = "GET", .http_version = "1.0" };

    if (request.info == NULL || request.info->request_method == NULL ||
        request.info->http_version == NULL)
        request.info = &none;
    http_respond_error(&request, status, status == 404 ? "NotFoundError" : "BadRequestError", text);
    return 0;
}

static int handle_log(const struct mg_connection *conn, const char *text)
{
    (void)conn;
    log_debug("civetweb: %s", text);
    return 1;
}

static int handle_connection(const struct mg_connection *conn, void **conn_data)
{
    (void)conn;
    (void)conn_data;
    http_socket_reset();
    return 0;
}

/* After each request. Abandons a socket whose handshake failed after the upgrade. */
static void handle_request_end(const struct mg_connection *conn, int status)
{
    struct http_server *server = server_of(conn);
    void *socket = opening;

    (void)status;
    opening = NULL;
    if (socket != NULL)
        server->options.websocket.abandon(server->options.websocket.ctx, socket);
    http_socket_reset();
}

/* --- what the library calls: WebSocket --------------------------------------------------- */

static int handle_upgrade(const struct mg_connection *conn, void *arg)
{
    struct http_server *server = arg;
    struct http_request request = {
        .conn = (struct mg_connection *)(uintptr_t)conn,
        .info = mg_get_request_info(conn),
        .unread = true,
    };
    bool accepted = false;

    opening = NULL;
    if (!http_socket_header_is_all() || http_socket_number() < 0)
        http_respond_error(&request, 400, "BadRequestError",
                           "Nothing may follow the upgrade before its answer.");
    else
        accepted =
            server->options.websocket.upgrade(server->options.websocket.ctx, &request, &opening);
    if (!accepted && !request.answered)
        http_respond_error(&request, 500, "InternalError", "Something went wrong.");
    buffer_finish(&request.headers);
    return accepted ? 0 : 1;
}

static void handle_open(struct mg_connection *conn, void *arg)
{
    struct http_server *server = arg;
    void *socket = opening;
    int fd = http_socket_detach();

    (void)conn;
    if (fd < 0) { /* the library would wait for frames; handle_request_end does the rest */
        log_warn("no file descriptors are left: a client is turned away");
        shutdown(http_socket_number(), SHUT_RDWR);
        return;
    }
    opening = NULL;
    server->options.websocket.open(server->options.websocket.ctx, socket, fd);
}

/* --- life -------------------------------------------------------------------------------- */

static void start_civetweb(struct http_server *server)
{
    const struct http_server_options *options = &server->options;
    struct mg_callbacks callbacks = {
        .log_message = handle_log,
        .http_error = handle_error,
        .init_connection = handle_connection,
        .end_request = handle_request_end,
    };
    char *listen = options->host[0] != '\0' ? xasprintf("%s:%d", options->host, options->port)
                                            : xasprintf("%d", options->port);
    char *threads = xasprintf("%d", THREADS);
    const char *settings[] = {
        "listening_ports",
        listen,
        "num_threads",
        threads,
        "connection_queue",
        "1024",
        "request_timeout_ms",
        "10000",
        "keep_alive_timeout_ms",
        "2000",
        "enable_keep_alive",
        "yes",
        "tcp_nodelay",
        "1",
        "max_request_size",
        "8192",
        "access_control_allow_origin",
        "",
        "access_control_allow_methods",
        "",
        "access_control_allow_headers",
        "",
        "decode_url", /* %00 would cut a path short; none of ours needs an escape */
        "no",
        "enable_directory_listing",
        "no",
        "enable_websocket_ping_pong",
        "no",
        NULL,
    };

    server->civetweb = mg_start(&callbacks, server, settings);
    free(listen);
    free(threads);
}

/* The default of the process while the library starts its threads. */
static void set_default_stack(size_t bytes, size_t *before_out)
{
    pthread_attr_t attr;

    pthread_getattr_default_np(&attr);
    pthread_attr_getstacksize(&attr, before_out);
    pthread_attr_setstacksize(&attr, bytes);
    pthread_setattr_default_np(&attr);
    pthread_attr_destroy(&attr);
}

enum status http_server_start(const struct http_server_options *options,
                              struct http_server **server_out)
{
    struct http_server *server = xcalloc(1, sizeof(*server));
    struct mg_server_port port[4];
    size_t stack_before, ignored;

    server->options = *options;
    mg_init_library(0);
    set_default_stack(STACK_BYTES, &stack_before);
    start_civetweb(server);
    set_default_stack(stack_before, &ignored);
    if (server->civetweb == NULL || mg_get_server_ports(server->civetweb, 4, port) < 1) {
        log_error("cannot listen on %s port %d: taken, or not allowed",
                  options->host[0] != '\0' ? options->host : "any address,", options->port);
        http_server_stop(&server);
        return STATUS_UNAVAILABLE;
    }
    server->port = port[0].port;
    mg_set_request_handler(server->civetweb, "**", handle_request, server);
    mg_set_websocket_handler(server->civetweb, "**", handle_upgrade, handle_open, NULL, NULL,
                             server);
    *server_out = server;
    return STATUS_OK;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

static void stop_civetweb(void *civetweb)
{
    mg_stop(civetweb);
}

/* No thread needs to accept it: the connection exists once the kernel has completed it. */
static void connect_once(const struct http_server *server)
{
    const char *host = server->options.host;
    const struct addrinfo hints = { .ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    struct addrinfo *address;
    char port[8];

    snprintf(port, sizeof(port), "%d", server->port);
    if (getaddrinfo(host[0] != '\0' ? host : "127.0.0.1", port, &hints, &address) != 0)
        return;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)!connect(fd, address->ai_addr, address->ai_addrlen);
        close(fd);
    }
    freeaddrinfo(address);
}

/*
 * The library's accepting thread checks whether it should stop after each connection, or every two
 * seconds. Until then, new clients would be queued and never served; so we connect ourselves.
 */
static void stop_at_once(const struct http_server *server)
{
    struct timespec until; /* of the wall clock: no sanitizer knows pthread_clockjoin_np */
    pthread_t stopper;

    if (!thread_try_start("http-stop", 0, stop_civetweb, server->civetweb, &stopper)) {
        mg_stop(server->civetweb);
        return;
    }
    do {
        connect_once(server);
        int64_t until_ms = clock_wall_ms() + NUDGE_MS;
        until = (struct timespec){ until_ms / 1000, until_ms % 1000 * 1000000 };
    } while (pthread_timedjoin_np(stopper, NULL, &until) != 0);
}

void http_server_stop(struct http_server **server)
{
    if (*server == NULL)
        return;
    if ((*server)->civetweb != NULL)
        stop_at_once(*server);
    mg_exit_library();
    free(*server);
    *server = NULL;
}
