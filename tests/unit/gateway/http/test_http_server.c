/* gateway/http/http_server: how it ends. What it serves is asked from outside (tests/e2e). */
#include "gateway/http/http_request.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/http/http_server.h"
#include "services/common/base/clock.h"

/* The library's own way takes up to two seconds, and the whole of them right after the start. */
enum { STOP_MAX_MS = 1500, TRIES = 5 };

static void answer(void *ctx, struct http_request *request)
{
    (void)ctx;
    http_respond(request, 200, "text/plain", "here", 4);
}

static enum http_next begin(void *ctx, struct http_request *request)
{
    (void)ctx;
    (void)request;
    return HTTP_NEXT_WORKER;
}

static void refuse(void *ctx, struct http_request *request, int status)
{
    (void)ctx;
    http_respond(request, status, "text/plain", "", 0);
}

static void end(void *ctx, struct http_request *request)
{
    (void)ctx;
    (void)request;
}

static struct http_server_options options_of(const char *host, int port)
{
    return (struct http_server_options){
        .host = host,
        .port = port,
        .connections_max = 16,
        .on_head = begin,
        .on_request = answer,
        .on_refused = refuse,
        .on_over = end,
    };
}

static struct http_server *start(const char *host)
{
    const struct http_server_options options = options_of(host, 0);
    struct http_server *server;

    assert_int_equal(http_server_start(&options, &server), STATUS_OK);
    return server;
}

static int connect_to(const struct http_server *server)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)http_server_port(server)),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static bool stops_at_once(struct http_server *server)
{
    int64_t begin = clock_mono_ms();

    http_server_stop(&server);
    assert_null(server);
    return clock_mono_ms() - begin <= STOP_MAX_MS;
}

/* Once of several times: a busy machine may keep any one of them waiting. */
static void assert_can_stop_at_once(const char *host)
{
    for (int i = 0; i < TRIES; i++)
        if (stops_at_once(start(host)))
            return;
    fail_msg("it took more than %d ms each time", STOP_MAX_MS);
}

static void it_stops_at_once_without_connections(void **state)
{
    (void)state;
    assert_can_stop_at_once("");
    assert_can_stop_at_once("127.0.0.1");
}

static void get(struct http_server *server)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char reply[1024];
    size_t length = 0;
    int fd = connect_to(server);

    assert_int_equal(send(fd, request, sizeof(request) - 1, 0), sizeof(request) - 1);
    for (ssize_t got; (got = recv(fd, reply + length, sizeof(reply) - 1 - length, 0)) > 0;)
        length += (size_t)got;
    reply[length] = '\0';
    assert_non_null(strstr(reply, "\r\n\r\nhere"));
    close(fd);
}

static void it_stops_at_once_after_a_request(void **state)
{
    bool at_once = false;

    (void)state;
    for (int i = 0; i < TRIES && !at_once; i++) {
        struct http_server *server = start("127.0.0.1");
        get(server);
        at_once = stops_at_once(server);
    }
    assert_true(at_once);
}

static void the_port_is_free_after_the_stop(void **state)
{
    struct http_server *server = start("127.0.0.1");
    const struct http_server_options again = options_of("127.0.0.1", http_server_port(server));

    (void)state;
    http_server_stop(&server);
    assert_int_equal(http_server_start(&again, &server), STATUS_OK);
    http_server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stops_at_once_without_connections),
        cmocka_unit_test(it_stops_at_once_after_a_request),
        cmocka_unit_test(the_port_is_free_after_the_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
