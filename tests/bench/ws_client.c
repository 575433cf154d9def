#define _GNU_SOURCE /* memmem */
#include "tests/bench/ws_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services/common/base/memory.h"
#include "tests/bench/fail.h"

enum {
    SCRATCH_BYTES = 256 * 1024,
    REQUEST_MAX = 8192,
    WHY_MAX = 200,
    OPEN_MAX_S = 120,
    /* A source address has 28 thousand ports, and a closed connection keeps its own for a minute.
     */
    SOURCES = 16,
};

enum { OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10, FIN = 0x80, MASKED = 0x80 };

static char scratch[SCRATCH_BYTES];

void ws_server_init(struct ws_server *server, struct loop *loop, const char *address,
                    const char *path)
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;
    char *host = xstrdup(address), *colon = strrchr(host, ':');

    if (colon == NULL)
        fail("\"%s\" is not host:port", address);
    *colon = '\0';
    int problem = getaddrinfo(host, colon + 1, &hints, &found);
    if (problem != 0)
        fail("%s: %s", address, gai_strerror(problem));
    *server = (struct ws_server){ .loop = loop, .path = path };
    memcpy(&server->address, found->ai_addr, sizeof(server->address));
    freeaddrinfo(found);
    free(host);
}

/* --- life -------------------------------------------------------------------------------- */

static void lose(struct ws_client *client, const char *why)
{
    struct ws_server *server = client->server;

    ws_client_close(client);
    if (server->on_lost == NULL)
        fail("socket %zu: %s", client->number, why);
    server->on_lost(client, why);
}

static void lose_errno(struct ws_client *client, const char *what, int number)
{
    char why[WHY_MAX];

    snprintf(why, sizeof(why), "%s: %s", what, strerror(number));
    lose(client, why);
}

void ws_client_close(struct ws_client *client)
{
    if (client->state == WS_CLOSED)
        return;
    *(client->state == WS_OPEN ? &client->server->open : &client->server->opening) -= 1;
    client->state = WS_CLOSED;
    loop_remove(client->server->loop, &client->watch);
    buffer_clear(&client->out);
    buffer_clear(&client->rest);
}

int ws_server_connect(struct ws_server *server)
{
    struct sockaddr_in source = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0)
        fail("socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (ntohl(server->address.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET) {
        source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + server->next_source++ % SOURCES);
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
        if (bind(fd, (struct sockaddr *)&source, sizeof(source)) != 0)
            fail("bind: %s", strerror(errno));
    }
    if (connect(fd, (struct sockaddr *)&server->address, sizeof(server->address)) != 0 &&
        errno != EINPROGRESS)
        fail("connect: %s", strerror(errno));
    return fd;
}

static void handle_ready(struct watch *watch, uint32_t events);

void ws_client_open(struct ws_client *client, struct ws_server *server, const char *token)
{
    client->server = server;
    client->token = token;
    client->began_ns = loop_now_ns();
    client->watch = (struct watch){ .fd = ws_server_connect(server), .ready = handle_ready };
    client->state = WS_CONNECTING;
    server->opening++;
    loop_add(server->loop, &client->watch, EPOLLOUT);
}

double ws_open_all(struct ws_server *server, struct ws_client *const *clients,
                   const char *const *tokens, size_t count, size_t at_once)
{
    int64_t begin = loop_now_ns(), until = begin + OPEN_MAX_S * (int64_t)1000000000;
    size_t next = 0;

    while (next < count || server->opening > 0) {
        for (; next < count && server->opening < at_once; next++)
            ws_client_open(clients[next], server, tokens[next]);
        loop_turn(server->loop, until);
        if (loop_now_ns() > until)
            fail("after %d s %zu of %zu sockets are open", OPEN_MAX_S, server->open, count);
    }
    return (double)(loop_now_ns() - begin) / 1e9;
}

void ws_greet_all(struct ws_server *server, struct ws_client *const *clients, size_t count)
{
    static const char hello[] = "{\"jsonrpc\":\"2.0\",\"method\":\"hello\",\"id\":0}";
    int64_t until = loop_now_ns() + OPEN_MAX_S * (int64_t)1000000000;

    for (size_t i = 0; i < count; i++) {
        clients[i]->greeting = true;
        server->greeting++;
        ws_client_send(clients[i], hello, sizeof(hello) - 1);
        ws_client_flush(clients[i]);
    }
    while (server->greeting > 0) {
        if (loop_now_ns() > until)
            fail("%zu of %zu were not greeted within %d s", server->greeting, count, OPEN_MAX_S);
        loop_turn(server->loop, until);
    }
}

/* --- writing ----------------------------------------------------------------------------- */

static void put_frame(struct ws_client *client, unsigned opcode, const void *data, size_t length)
{
    unsigned char head[14] = { (unsigned char)(FIN | opcode) };
    size_t size = 2;

    if (length < 126) {
        head[1] = (unsigned char)(MASKED | length);
    } else if (length <= UINT16_MAX) {
        head[1] = MASKED | 126;
        head[2] = (unsigned char)(length >> 8);
        head[3] = (unsigned char)length;
        size = 4;
    } else {
        fail("a frame of %zu bytes", length);
    }
    buffer_append(&client->out, head, size + 4); /* the mask is zeros */
    buffer_append(&client->out, data, length);
}

void ws_client_send(struct ws_client *client, const char *text, size_t length)
{
    if (client->state != WS_OPEN)
        fail("socket %zu is not open", client->number);
    put_frame(client, OP_TEXT, text, length);
}

void ws_client_flush(struct ws_client *client)
{
    if (client->out.length == 0 || client->state == WS_CLOSED)
        return;
    ssize_t n = send(client->watch.fd, client->out.data, client->out.length, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        lose_errno(client, "send", errno);
        return;
    }
    size_t sent = n > 0 ? (size_t)n : 0, left = client->out.length - sent;
    if (left > 0) {
        memmove(client->out.data, client->out.data + sent, left);
        loop_change(client->server->loop, &client->watch, EPOLLIN | EPOLLOUT);
    }
    client->out.length = left;
}

static void begin_upgrade(struct ws_client *client)
{
    char host[INET_ADDRSTRLEN];
    const struct sockaddr_in *address = &client->server->address;
    int problem = 0;
    socklen_t size = sizeof(problem);

    getsockopt(client->watch.fd, SOL_SOCKET, SO_ERROR, &problem, &size);
    if (problem != 0) {
        lose_errno(client, "connect", problem);
        return;
    }
    inet_ntop(AF_INET, &address->sin_addr, host, sizeof(host));
    buffer_printf(&client->out,
                  "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: auth=%s\r\n\r\n",
                  client->server->path, host, ntohs(address->sin_port), client->token);
    client->state = WS_UPGRADING;
    loop_change(client->server->loop, &client->watch, EPOLLIN);
    ws_client_flush(client);
}

/* --- reading ----------------------------------------------------------------------------- */

/* Both return how many bytes they have used. */
static size_t take_upgrade(struct ws_client *client, const char *data, size_t length)
{
    static const char good[] = "HTTP/1.1 101 ";
    const char *end = memmem(data, length, "\r\n\r\n", 4);
    char why[WHY_MAX];

    if (end == NULL)
        return 0;
    if (strncmp(data, good, sizeof(good) - 1) != 0) {
        snprintf(why, sizeof(why), "%.*s", (int)strcspn(data, "\r"), data);
        lose(client, why);
        return length;
    }
    client->state = WS_OPEN;
    client->server->opening--;
    client->server->open++;
    histogram_add(&client->server->upgrade_times, loop_now_ns() - client->began_ns);
    return (size_t)(end - data) + 4;
}

/* True when it is the answer to hello. */
static bool take_greeting(struct ws_client *client, const char *payload, size_t length)
{
    if (!client->greeting || memmem(payload, length, "\"jsonrpc\"", 9) == NULL)
        return false;
    if (memmem(payload, length, "\"position\":", 11) == NULL)
        fail("socket %zu says hello, and gets: %.*s", client->number, (int)length, payload);
    client->greeting = false;
    client->server->greeting--;
    return true;
}

static void handle_frame(struct ws_client *client, unsigned first, const char *payload,
                         size_t length, int64_t now_ns)
{
    char why[WHY_MAX];

    switch (first) {
    case FIN | OP_TEXT:
        if (!take_greeting(client, payload, length))
            client->server->on_text(client, payload, length, now_ns);
        break;
    case FIN | OP_PING:
        put_frame(client, OP_PONG, payload, length);
        break;
    case FIN | OP_CLOSE:
        snprintf(why, sizeof(why), "closed with %d %.*s",
                 length >= 2 ? (unsigned char)payload[0] << 8 | (unsigned char)payload[1] : 1005,
                 length >= 2 ? (int)length - 2 : 0, payload + 2);
        lose(client, why);
        break;
    default:
        fail("socket %zu: a frame that begins with %02x", client->number, first);
    }
}

static size_t take_frame(struct ws_client *client, const char *data, size_t length, int64_t now_ns)
{
    const unsigned char *head = (const unsigned char *)data;
    size_t start = 2;

    if (length < 2)
        return 0;
    uint64_t payload = head[1];
    if (payload == 126 || payload == 127) {
        size_t digits = payload == 126 ? 2 : 8;
        start += digits;
        if (length < start)
            return 0;
        payload = 0;
        for (size_t i = 0; i < digits; i++)
            payload = payload << 8 | head[2 + i];
    }
    if (length - start < payload)
        return 0;
    handle_frame(client, head[0], data + start, (size_t)payload, now_ns);
    return start + (size_t)payload;
}

static size_t take_all(struct ws_client *client, const char *data, size_t length)
{
    int64_t now_ns = loop_now_ns();
    size_t used = 0, n;

    do {
        n = client->state == WS_UPGRADING ? take_upgrade(client, data + used, length - used)
                                          : take_frame(client, data + used, length - used, now_ns);
        used += n;
    } while (n > 0 && used < length && client->state != WS_CLOSED);
    return used;
}

static void receive(struct ws_client *client)
{
    ssize_t n = recv(client->watch.fd, scratch, sizeof(scratch) - 1, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        lose_errno(client, "recv", n < 0 ? errno : ECONNRESET);
        return;
    }
    scratch[n] = '\0'; /* what looks for the end of a line stops here */
    if (client->rest.length == 0) {
        size_t used = take_all(client, scratch, (size_t)n);
        if (client->state != WS_CLOSED && used < (size_t)n)
            buffer_append(&client->rest, scratch + used, (size_t)n - used);
        return;
    }
    buffer_append(&client->rest, scratch, (size_t)n);
    buffer_text(&client->rest);
    size_t used = take_all(client, client->rest.data, client->rest.length);
    if (client->state == WS_CLOSED)
        return;
    client->rest.length -= used;
    memmove(client->rest.data, client->rest.data + used, client->rest.length);
}

static void handle_ready(struct watch *watch, uint32_t events)
{
    struct ws_client *client = (struct ws_client *)watch; /* its first field */

    if (client->state == WS_CONNECTING) {
        begin_upgrade(client);
        return;
    }
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        receive(client);
    if (client->state == WS_CLOSED)
        return;
    if (events & EPOLLOUT)
        loop_change(client->server->loop, &client->watch, EPOLLIN);
    ws_client_flush(client);
}
