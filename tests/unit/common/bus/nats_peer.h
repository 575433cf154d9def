/*
 * The other end of the bus: a NATS server for one client, which the test drives step by step. Only
 * its greeting may run on another thread, for bus_connect waits for it. All waits end after
 * NATS_PEER_MS; then the test fails.
 *
 * Needs _GNU_SOURCE: accept4, memmem.
 */
#ifndef TESTS_UNIT_COMMON_BUS_NATS_PEER_H
#define TESTS_UNIT_COMMON_BUS_NATS_PEER_H

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services/common/base/clock.h"
#include "services/common/bus/bus.h"
#include "tests/unit/unit.h"

enum {
    NATS_PEER_MS = 60000,
    NATS_PEER_BYTES = 256 * 1024, /* of what is read at once, and of what is sent */
    NATS_PEER_PAYLOAD = 2048,     /* at most */
    NATS_PEER_UNREAD = 64 * 1024, /* that the kernel keeps for it */
};

struct nats_peer {
    int listener, client; /* -1: there is none */
    char url[40];
    const char *refusal; /* instead of the first PONG; NULL: the client is welcome */
    char in[NATS_PEER_BYTES], out[NATS_PEER_BYTES];
    size_t in_begin, in_end, out_length;
};

/* What the client has said. */
struct nats_op {
    char name[16];
    char subject[128], reply_to[128]; /* "" = none */
    unsigned sid;
    char payload[NATS_PEER_PAYLOAD]; /* a string; headers in front */
};

/* --- connections ------------------------------------------------------------------------------ */

/* Nobody can connect yet. */
static inline void nats_peer_open(struct nats_peer *peer)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);
    int unread_max = NATS_PEER_UNREAD;

    memset(peer, 0, sizeof(*peer));
    peer->client = -1;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(peer->listener >= 0);
    setsockopt(peer->listener, SOL_SOCKET, SO_RCVBUF, &unread_max, sizeof(unread_max));
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &length), 0);
    snprintf(peer->url, sizeof(peer->url), "nats://127.0.0.1:%d", ntohs(address.sin_port));
}

static inline void nats_peer_listen(struct nats_peer *peer)
{
    assert_int_equal(listen(peer->listener, 8), 0);
}

/* As a server that goes away and may come back. */
static inline void nats_peer_hang_up(struct nats_peer *peer)
{
    if (peer->client >= 0)
        close(peer->client);
    peer->client = -1;
    peer->in_begin = peer->in_end = peer->out_length = 0;
}

static inline void nats_peer_close(struct nats_peer *peer)
{
    nats_peer_hang_up(peer);
    if (peer->listener >= 0)
        close(peer->listener);
    peer->listener = -1;
}

/* --- reading ---------------------------------------------------------------------------------- */

static inline bool nats_peer_await_readable(int fd)
{
    struct pollfd poller = { .fd = fd, .events = POLLIN };

    return poll(&poller, 1, NATS_PEER_MS) == 1;
}

/* Does the client's word lie there, unread? Does not wait. */
static inline bool nats_peer_has_input(const struct nats_peer *peer)
{
    struct pollfd poller = { .fd = peer->client, .events = POLLIN };

    return poll(&poller, 1, 0) == 1;
}

/* In how many pieces has come what the client said so far? */
static inline unsigned nats_peer_pieces(const struct nats_peer *peer)
{
    struct tcp_info info = { 0 };
    socklen_t length = sizeof(info);

    getsockopt(peer->client, IPPROTO_TCP, TCP_INFO, &info, &length);
    return info.tcpi_data_segs_in;
}

/* With one call of recv; false at the end of the stream, and when the time is over. */
static inline bool nats_peer_receive(struct nats_peer *peer)
{
    if (peer->in_begin == peer->in_end)
        peer->in_begin = peer->in_end = 0;
    if (peer->in_end == NATS_PEER_BYTES) {
        peer->in_end -= peer->in_begin;
        memmove(peer->in, peer->in + peer->in_begin, peer->in_end);
        peer->in_begin = 0;
    }
    if (!nats_peer_await_readable(peer->client))
        return false;
    ssize_t n = recv(peer->client, peer->in + peer->in_end, NATS_PEER_BYTES - peer->in_end, 0);
    if (n > 0)
        peer->in_end += (size_t)n;
    return n > 0;
}

/* "PUB <subject> [<reply>] <bytes>", and so on, by the words of the line. */
static inline size_t nats_peer_understand(char *words[], size_t count, struct nats_op *op)
{
    bool is_headed = strcmp(words[0], "HPUB") == 0;
    size_t length = 0, plain = is_headed ? 4 : 3; /* words without a reply */

    memset(op, 0, offsetof(struct nats_op, payload) + 1);
    snprintf(op->name, sizeof(op->name), "%s", words[0]);
    if (strcmp(op->name, "SUB") == 0) {
        snprintf(op->subject, sizeof(op->subject), "%s", words[1]);
        op->sid = (unsigned)strtoul(words[count - 1], NULL, 10);
    } else if (strcmp(op->name, "UNSUB") == 0) {
        op->sid = (unsigned)strtoul(words[1], NULL, 10);
    } else if (is_headed || strcmp(op->name, "PUB") == 0) {
        snprintf(op->subject, sizeof(op->subject), "%s", words[1]);
        if (count > plain)
            snprintf(op->reply_to, sizeof(op->reply_to), "%s", words[2]);
        length = strtoul(words[count - 1], NULL, 10) + 2;
    }
    return length;
}

/* From what has been received: false when that is not a whole one. */
static inline bool nats_peer_parse(struct nats_peer *peer, struct nats_op *op)
{
    char line[1024], *words[6] = { 0 }, *rest = line;
    const char *begin = peer->in + peer->in_begin;
    size_t there = peer->in_end - peer->in_begin, count = 0;
    const char *end = memmem(begin, there, "\r\n", 2);

    if (end == NULL)
        return false;
    size_t size = (size_t)(end - begin);
    snprintf(line, sizeof(line), "%.*s", (int)size, begin);
    while (count < COUNT_OF(words) && (words[count] = strtok_r(NULL, " ", &rest)) != NULL)
        count++;
    size_t length = count > 0 ? nats_peer_understand(words, count, op) : 0;
    if (there < size + 2 + length || length > NATS_PEER_PAYLOAD)
        return false;
    if (length > 0)
        snprintf(op->payload, sizeof(op->payload), "%.*s", (int)length - 2, end + 2);
    peer->in_begin += size + 2 + length;
    return true;
}

/* The next, whatever it is. */
static inline bool nats_peer_read(struct nats_peer *peer, struct nats_op *op)
{
    while (!nats_peer_parse(peer, op)) {
        if (!nats_peer_receive(peer))
            return false;
    }
    return true;
}

/* --- sending ---------------------------------------------------------------------------------- */

static inline void nats_peer_put(struct nats_peer *peer, const char *text)
{
    size_t length = strlen(text);

    if (length > NATS_PEER_BYTES - peer->out_length)
        abort();
    memcpy(peer->out + peer->out_length, text, length);
    peer->out_length += length;
}

/* `reply_to` may be NULL. Goes out with the next nats_peer_send. */
static inline void nats_peer_put_message(struct nats_peer *peer, unsigned sid, const char *subject,
                                         const char *reply_to, const char *payload)
{
    char text[NATS_PEER_PAYLOAD];

    snprintf(text, sizeof(text), "MSG %s %u %s%s%zu\r\n%s\r\n", subject, sid,
             reply_to != NULL ? reply_to : "", reply_to != NULL ? " " : "", strlen(payload),
             payload);
    nats_peer_put(peer, text);
}

/* `headers` are "NATS/1.0[ <code>]\r\n[<name>: <value>\r\n]...\r\n". */
static inline void nats_peer_put_headed(struct nats_peer *peer, unsigned sid, const char *subject,
                                        const char *headers, const char *payload)
{
    char text[NATS_PEER_PAYLOAD];

    snprintf(text, sizeof(text), "HMSG %s %u %zu %zu\r\n%s%s\r\n", subject, sid, strlen(headers),
             strlen(headers) + strlen(payload), headers, payload);
    nats_peer_put(peer, text);
}

/* All that has been put, with one call of send. */
static inline bool nats_peer_send(struct nats_peer *peer)
{
    size_t length = peer->out_length;

    peer->out_length = 0;
    return send(peer->client, peer->out, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static inline void nats_peer_deliver(struct nats_peer *peer, unsigned sid, const char *subject,
                                     const char *payload)
{
    nats_peer_put_message(peer, sid, subject, NULL, payload);
    assert_true(nats_peer_send(peer));
}

static inline void nats_peer_pong(struct nats_peer *peer)
{
    nats_peer_put(peer, "PONG\r\n");
    assert_true(nats_peer_send(peer));
}

/* The next of this name. None other may come before it, but for pings, which are answered. */
static inline void nats_peer_expect(struct nats_peer *peer, const char *name, struct nats_op *op)
{
    for (;;) {
        if (!nats_peer_read(peer, op))
            fail_msg("no %s", name);
        if (strcmp(op->name, name) == 0)
            return;
        if (strcmp(op->name, "PING") != 0)
            fail_msg("%s %s instead of %s", op->name, op->subject, name);
        nats_peer_pong(peer);
    }
}

/* --- greeting --------------------------------------------------------------------------------- */

/* Lets a client in, as a server does. False when none comes. No asserts: may be on a thread. */
static inline bool nats_peer_greet(struct nats_peer *peer)
{
    struct nats_op op = { 0 };

    if (!nats_peer_await_readable(peer->listener))
        return false;
    peer->client = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
    nats_peer_put(peer, "INFO {\"server_id\":\"x\",\"version\":\"2.9.10\",\"proto\":1,"
                        "\"headers\":true,\"max_payload\":1048576}\r\n");
    if (!nats_peer_send(peer) || !nats_peer_read(peer, &op) || strcmp(op.name, "CONNECT") != 0 ||
        !nats_peer_read(peer, &op) || strcmp(op.name, "PING") != 0)
        return false;
    nats_peer_put(peer, peer->refusal != NULL ? peer->refusal : "PONG\r\n");
    bool is_sent = nats_peer_send(peer);
    if (peer->refusal != NULL)
        nats_peer_hang_up(peer);
    return is_sent;
}

#endif
