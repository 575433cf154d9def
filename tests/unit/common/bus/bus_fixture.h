/*
 * A bus that is connected to a server which the test plays, who listens to it, and threads that
 * call it meanwhile.
 *
 * Needs _GNU_SOURCE: pthread_cond_clockwait, gettid.
 */
#ifndef TESTS_UNIT_COMMON_BUS_BUS_FIXTURE_H
#define TESTS_UNIT_COMMON_BUS_BUS_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/common/base/clock.h"
#include "services/common/bus/bus.h"
#include "services/common/bus/bus_request.h"
#include "services/common/bus/bus_subscription.h"
#include "tests/unit/common/bus/nats_peer.h"
#include "tests/unit/unit.h"

enum {
    LISTENERS = 4,
    WORKERS = 4,
    RECEIVED_BYTES = 64 * 1024,
    MANY = 1000,   /* messages in one read */
    FLOOD = 30000, /* messages of 1 KiB: more than all the buffers on the way may hold */
    SLEEP_LOOKS = 100,
};

/* A subscription of the test's. */
struct listener {
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
    struct listener listeners[LISTENERS];
    struct worker workers[WORKERS];
    bool is_borrowed;
    _Atomic(pthread_t) received_by; /* the last */
    int descriptor;                 /* then */
    int payload_bytes;              /* of what workers publish, at least */
    unsigned inbox_sid;
    char inbox[128]; /* without the last token */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    char received[RECEIVED_BYTES]; /* "<tag><payload> " for each message */
    size_t received_count, received_length;
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

/* Does not touch its listener after it has recorded the message. */
static inline void record_message(void *ctx, struct bus_message *message_take)
{
    const struct listener *listener = ctx;
    struct fixture *f = listener->fixture;
    char text[NATS_PEER_PAYLOAD + 8];

    int length = snprintf(text, sizeof(text), "%c%.*s ", listener->tag,
                          (int)bus_message_length(message_take),
                          (const char *)bus_message_data(message_take));
    bus_message_destroy(&message_take);
    pthread_mutex_lock(&f->lock);
    if (f->received_length + (size_t)length < sizeof(f->received)) {
        memcpy(f->received + f->received_length, text, (size_t)length + 1);
        f->received_length += (size_t)length;
    }
    f->received_by = pthread_self();
    f->received_count++;
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

static inline void await_received(struct fixture *f, const char *received)
{
    size_t count = 0;

    for (const char *at = received; (at = strchr(at, ' ')) != NULL; at++)
        count++;
    await(f, &f->received_count, count);
    pthread_mutex_lock(&f->lock);
    bool is_right = strcmp(f->received, received) == 0;
    pthread_mutex_unlock(&f->lock);
    if (!is_right)
        assert_string_equal(f->received, received);
}

static inline size_t count_heard(struct fixture *f, char tag, char payload)
{
    const char text[] = { tag, payload, ' ', '\0' };
    size_t count = 0;

    pthread_mutex_lock(&f->lock);
    for (const char *at = f->received; (at = strstr(at, text)) != NULL; at++)
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

/* The server ends first, which releases threads that wait for it. */
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
    for (size_t i = 0; i < LISTENERS; i++)
        bus_subscription_close(&f->listeners[i].subscription);
    bus_destroy(&f->bus);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    free(f);
    return 0;
}

/* The listener with the tag 'a' + `number`. */
static inline struct listener *listen_to(struct fixture *f, size_t number, const char *subject,
                                         bus_handler *handler)
{
    struct listener *listener = &f->listeners[number];
    struct nats_op op;

    listener->fixture = f;
    listener->tag = (char)('a' + number);
    assert_int_equal(
        bus_subscription_open(f->bus, subject, NULL, handler, listener, &listener->subscription),
        STATUS_OK);
    nats_peer_expect(&f->peer, "SUB", &op);
    assert_string_equal(op.subject, subject);
    listener->sid = op.sid;
    return listener;
}

static inline void publish(struct fixture *f, const char *payload)
{
    assert_int_equal(bus_publish(f->bus, "out", payload, strlen(payload)), STATUS_OK);
}

/* --- requests -------------------------------------------------------------------------------- */

/* Begins a request; returns when the peer has received it. */
static inline struct bus_request *ask(struct fixture *f, struct nats_op *op)
{
    struct bus_request *request;
    assert_int_equal(bus_request_begin(f->bus, "ask", NULL, 0, "?", 1, &request), STATUS_OK);
    nats_peer_expect(&f->peer, "PUB", op);
    assert_string_equal(op->subject, "ask");
    assert_string_equal(op->payload, "?");
    assert_memory_equal(op->reply_to, f->inbox, strlen(f->inbox));
    return request;
}

static inline void expect_end(struct bus_request *request, int64_t ms, enum status status,
                              const char *payload)
{
    struct bus_message *reply;
    assert_int_equal(bus_request_end(&request, clock_mono_us() + ms * 1000, &reply), status);
    assert_null(request);
    if (status != STATUS_OK)
        return;
    assert_int_equal(bus_message_length(reply), strlen(payload));
    assert_memory_equal(bus_message_data(reply), payload, strlen(payload));
    bus_message_destroy(&reply);
}

static inline void ask_async(struct fixture *f, int64_t ms, struct nats_op *op)
{
    bus_request_async(f->bus, "ask", NULL, 0, "?", 1, clock_mono_us() + ms * 1000, on_reply, f);
    nats_peer_expect(&f->peer, "PUB", op);
}

static inline void expect_reply(struct fixture *f, size_t count, enum status status,
                                const char *payload)
{
    await(f, &f->replies, count);
    pthread_mutex_lock(&f->lock);
    bool is_right = f->reply_status == status && strcmp(f->reply, payload) == 0;
    pthread_mutex_unlock(&f->lock);
    assert_true(is_right);
}

#endif
