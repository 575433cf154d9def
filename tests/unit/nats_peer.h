/*
 * The other end of the bus: a NATS server for one client, which the test drives step by step. Only
 * its greeting may run on another thread, for bus_connect waits for it. All waits end after
 * NATS_PEER_MS; then the test fails. Below it, a bus that is connected to it, and who listens.
 *
 * Needs _GNU_SOURCE: pthread_cond_clockwait, gettid, accept4, memmem.
 */
#ifndef UNIT_NATS_PEER_H
#define UNIT_NATS_PEER_H

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

#include "services/common/bus.h"
#include "services/common/clock.h"
#include "tests/unit/unit.h"

enum {
    NATS_PEER_MS = 10000,
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
    int unread_most = NATS_PEER_UNREAD;

    memset(peer, 0, sizeof(*peer));
    peer->client = -1;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(peer->listener >= 0);
    setsockopt(peer->listener, SOL_SOCKET, SO_RCVBUF, &unread_most, sizeof(unread_most));
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
static inline bool nats_peer_hears(const struct nats_peer *peer)
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

static inline void nats_peer_tell(struct nats_peer *peer, unsigned sid, const char *subject,
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

enum {
    EARS = 4,
    WORKERS = 4,
    HEARD_BYTES = 64 * 1024,
    MANY = 1000,   /* messages that one read brings */
    FLOOD = 30000, /* messages of 1 KiB: more than all the buffers on the way may hold */
    SLEEP_LOOKS = 100,
};

/* A subscription of the test's. */
struct ear {
    struct fixture *fixture;
    struct bus_subscription *subscription;
    unsigned sid; /* the server's number for it */
    char tag;
};

/* A thread that calls the bus while the test's plays the server. */
struct worker {
    struct fixture *fixture;
    void *(*run)(void *arg);
    pthread_t thread;
    bool is_started;
    size_t number, count;
    atomic_int tid;
    atomic_size_t published;
    bool result;
    atomic_bool done;
};

struct fixture {
    struct nats_peer peer;
    struct bus *bus;
    struct ear ears[EARS];
    struct worker workers[WORKERS];
    bool is_borrowed;
    _Atomic(pthread_t) heard_by; /* the last */
    int descriptor;              /* then */
    int payload_bytes;           /* of what workers publish, at least */
    unsigned inbox_sid;
    char inbox[128]; /* without the last token */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    char heard[HEARD_BYTES]; /* "<tag><payload> " for each message */
    size_t heard_count, heard_length;
    size_t connects, refusals;
    size_t replies; /* to asynchronous requests, and the last: */
    enum status reply_status;
    char reply[32];
};

/* --- what the bus calls ---------------------------------------------------------------------- */

static inline void count_up(struct fixture *f, size_t *counter)
{
    pthread_mutex_lock(&f->lock);
    (*counter)++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static inline void on_connect(void *ctx)
{
    count_up(ctx, &((struct fixture *)ctx)->connects);
}

static inline void on_refused(void *ctx)
{
    count_up(ctx, &((struct fixture *)ctx)->refusals);
}

/* Touches its ear no more once it has written down what it has heard. */
static inline void hear(void *ctx, struct bus_message *message_take)
{
    const struct ear *ear = ctx;
    struct fixture *f = ear->fixture;
    char text[NATS_PEER_PAYLOAD + 8];

    int length =
        snprintf(text, sizeof(text), "%c%.*s ", ear->tag, (int)bus_message_length(message_take),
                 (const char *)bus_message_data(message_take));
    bus_message_destroy(&message_take);
    pthread_mutex_lock(&f->lock);
    if (f->heard_length + (size_t)length < sizeof(f->heard)) {
        memcpy(f->heard + f->heard_length, text, (size_t)length + 1);
        f->heard_length += (size_t)length;
    }
    f->heard_by = pthread_self();
    f->heard_count++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static inline void on_reply(void *ctx, enum status status, struct bus_message *reply_take)
{
    struct fixture *f = ctx;

    pthread_mutex_lock(&f->lock);
    f->reply_status = status;
    f->reply[0] = '\0';
    if (status == STATUS_OK) {
        snprintf(f->reply, sizeof(f->reply), "%.*s", (int)bus_message_length(reply_take),
                 (const char *)bus_message_data(reply_take));
        bus_message_destroy(&reply_take);
    }
    pthread_mutex_unlock(&f->lock);
    count_up(f, &f->replies);
}

/* --- waiting --------------------------------------------------------------------------------- */

static inline void await(struct fixture *f, const size_t *counter, size_t count)
{
    struct timespec end = clock_after_ms(NATS_PEER_MS);
    int waited = 0;

    pthread_mutex_lock(&f->lock);
    while (*counter < count && waited == 0)
        waited = pthread_cond_clockwait(&f->changed, &f->lock, CLOCK_MONOTONIC, &end);
    size_t is = *counter;
    pthread_mutex_unlock(&f->lock);
    assert_int_equal(is, count);
}

static inline void await_heard(struct fixture *f, const char *heard)
{
    size_t count = 0;

    for (const char *at = heard; (at = strchr(at, ' ')) != NULL; at++)
        count++;
    await(f, &f->heard_count, count);
    pthread_mutex_lock(&f->lock);
    bool is_right = strcmp(f->heard, heard) == 0;
    pthread_mutex_unlock(&f->lock);
    if (!is_right)
        assert_string_equal(f->heard, heard);
}

static inline size_t count_heard(struct fixture *f, char tag, char payload)
{
    const char text[] = { tag, payload, ' ', '\0' };
    size_t count = 0;

    pthread_mutex_lock(&f->lock);
    for (const char *at = f->heard; (at = strstr(at, text)) != NULL; at++)
        count++;
    pthread_mutex_unlock(&f->lock);
    return count;
}

static inline void start(struct fixture *f, size_t number, size_t count, void *(*run)(void *arg))
{
    struct worker *worker = &f->workers[number];

    *worker = (struct worker){ .fixture = f, .run = run, .number = number, .count = count };
    worker->is_started = pthread_create(&worker->thread, NULL, run, worker) == 0;
    assert_true(worker->is_started);
}

static inline bool finish(struct fixture *f, size_t number)
{
    f->workers[number].is_started = false;
    pthread_join(f->workers[number].thread, NULL);
    return f->workers[number].result;
}

static inline bool sleeps(const struct worker *worker)
{
    char path[64], state = '?';

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", atomic_load(&worker->tid));
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        if (fscanf(file, "%*d %*[^)]) %c", &state) != 1)
            state = '?';
        fclose(file);
    }
    return state == 'S';
}

/* Until it has ended, or waits for something: it has slept each time that was looked, and published
 * nothing. From any thread. */
static inline bool await_asleep(const struct worker *worker)
{
    int64_t end_ms = clock_mono_ms() + NATS_PEER_MS;
    size_t published = 0;

    for (int looks = 0; looks < SLEEP_LOOKS && !atomic_load(&worker->done); sched_yield()) {
        bool is_still = published == atomic_load(&worker->published) && sleeps(worker);
        looks = is_still ? looks + 1 : 0;
        published = atomic_load(&worker->published);
        if (clock_mono_ms() > end_ms)
            return false;
    }
    return true;
}

/* --- the test's ------------------------------------------------------------------------------ */

static inline void *greet(void *arg)
{
    struct worker *worker = arg;

    worker->result = nats_peer_greet(&worker->fixture->peer);
    return NULL;
}

static inline enum status connect_bus(struct fixture *f, const char *url)
{
    const struct bus_options options = {
        .url = url, .name = "test", .on_connect = on_connect, .on_refused = on_refused, .ctx = f
    };

    return bus_connect(&options, &f->bus);
}

/* The first that a bus says on each connection. */
static inline void expect_inbox(struct fixture *f)
{
    struct nats_op op;

    nats_peer_expect(&f->peer, "SUB", &op);
    f->inbox_sid = op.sid;
    snprintf(f->inbox, sizeof(f->inbox), "%.*s", (int)strlen(op.subject) - 1, op.subject);
    assert_string_equal(op.subject + strlen(f->inbox), "*");
}

static inline int set_up_alone(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return -1;
    *state = f;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    nats_peer_open(&f->peer);
    return 0;
}

static inline int set_up(void **state)
{
    set_up_alone(state);
    struct fixture *f = *state;
    nats_peer_listen(&f->peer);
    start(f, 0, 0, greet);
    assert_int_equal(connect_bus(f, f->peer.url), STATUS_OK);
    assert_true(finish(f, 0));
    expect_inbox(f);
    return 0;
}

/* The server hangs up, and the bus has noticed. */
static inline void await_lost(struct fixture *f)
{
    int64_t end_ms = clock_mono_ms() + NATS_PEER_MS;

    nats_peer_hang_up(&f->peer);
    while (bus_is_connected(f->bus)) {
        assert_true(clock_mono_ms() < end_ms);
        sched_yield();
    }
}

/* The server goes first: whoever waits for it waits no longer. */
static inline int tear_down(void **state)
{
    struct fixture *f = *state;

    nats_peer_hang_up(&f->peer);
    if (f->descriptor > 0)
        bus_give_back(f->bus);
    for (size_t i = 0; i < WORKERS; i++) {
        if (f->workers[i].is_started)
            finish(f, i);
    }
    if (f->bus != NULL)
        await_lost(f);
    nats_peer_close(&f->peer);
    for (size_t i = 0; i < EARS; i++)
        bus_unsubscribe(&f->ears[i].subscription);
    bus_destroy(&f->bus);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    free(f);
    return 0;
}

/* The ear with the tag 'a' + `number`. */
static inline struct ear *listen_to(struct fixture *f, size_t number, const char *subject,
                                    bus_handler *handler)
{
    struct ear *ear = &f->ears[number];
    struct nats_op op;

    ear->fixture = f;
    ear->tag = (char)('a' + number);
    assert_int_equal(bus_subscribe(f->bus, subject, NULL, handler, ear, &ear->subscription),
                     STATUS_OK);
    nats_peer_expect(&f->peer, "SUB", &op);
    assert_string_equal(op.subject, subject);
    ear->sid = op.sid;
    return ear;
}

static inline void publish(struct fixture *f, const char *payload)
{
    assert_int_equal(bus_publish(f->bus, "out", payload, strlen(payload)), STATUS_OK);
}

#endif
