#define _GNU_SOURCE /* pthread_cond_clockwait, pthread_setname_np */
#include "services/common/bus/bus_replies.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "services/common/bus/bus_internal.h"
#include "services/common/base/clock.h"
#include "services/common/base/memory.h"

enum {
    BUCKETS = 1024,     /* a power of two */
    LOOK_US = 50 * 1000 /* at most so late is a deadline noticed for which no thread waits */
};

/* In the table until its outcome is sure; whoever takes it out says so, exactly once. */
struct bus_request {
    struct bus_replies *replies;
    uint64_t number;
    struct bus_request *next;   /* of the same bucket */
    bus_reply_handler *handler; /* NULL: a thread waits */
    void *ctx;
    int64_t deadline_us; /* of one with a handler */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t done_cond;
    bool done;
    natsMsg *reply; /* NULL when it is done: there is none */
};

struct bus_replies {
    pthread_mutex_t lock; /* guards what follows; never taken with a request's */
    struct bus_request *buckets[BUCKETS];
    uint64_t next_number;
    size_t handlers; /* how many requests have one */
    bool watching, stopping;
    pthread_cond_t watch_cond;
    pthread_t watch;
};

struct bus_replies *bus_replies_create(void)
{
    struct bus_replies *replies = xcalloc(1, sizeof(*replies));

    pthread_mutex_init(&replies->lock, NULL);
    pthread_cond_init(&replies->watch_cond, NULL);
    replies->next_number = 1;
    return replies;
}

void bus_replies_destroy(struct bus_replies **replies)
{
    struct bus_replies *r = *replies;

    if (r == NULL)
        return;
    bus_replies_break_all(r);
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->watch_cond);
    pthread_mutex_unlock(&r->lock);
    if (r->watching)
        pthread_join(r->watch, NULL);
    pthread_cond_destroy(&r->watch_cond);
    pthread_mutex_destroy(&r->lock);
    free(r);
    *replies = NULL;
}

/* --- the table ----------------------------------------------------------------------------- */

static struct bus_request *take_out(struct bus_replies *replies, uint64_t number)
{
    struct bus_request *request = NULL;

    pthread_mutex_lock(&replies->lock);
    for (struct bus_request **link = &replies->buckets[number & (BUCKETS - 1)]; *link != NULL;
         link = &(*link)->next) {
        if ((*link)->number != number)
            continue;
        request = *link;
        *link = request->next;
        replies->handlers -= request->handler != NULL;
        break;
    }
    pthread_mutex_unlock(&replies->lock);
    return request;
}

static void request_free(struct bus_request **request)
{
    pthread_cond_destroy(&(*request)->done_cond);
    pthread_mutex_destroy(&(*request)->lock);
    free(*request);
    *request = NULL;
}

/* What a reply, or none, means: that a server has nobody to give the request to is also one. */
static enum status take_reply(natsMsg *reply, struct bus_message **reply_out)
{
    if (reply == NULL || natsMsg_IsNoResponders(reply)) {
        bus_library_free_message(reply);
        *reply_out = NULL;
        return STATUS_UNAVAILABLE;
    }
    *reply_out = (struct bus_message *)reply;
    return STATUS_OK;
}

/* Of a request that was taken out of the table. */
static void complete(struct bus_request *request, natsMsg *reply)
{
    struct bus_message *message;

    if (request->handler != NULL) {
        enum status status = take_reply(reply, &message);
        request->handler(request->ctx, status, message);
        request_free(&request);
        return;
    }
    pthread_mutex_lock(&request->lock);
    request->done = true;
    request->reply = reply;
    pthread_cond_signal(&request->done_cond);
    pthread_mutex_unlock(&request->lock); /* from here on it may be freed */
}

void bus_replies_take(struct bus_replies *replies, natsMsg *reply_take)
{
    const char *digits = strrchr(natsMsg_GetSubject(reply_take), '.');
    struct bus_request *request =
        digits != NULL ? take_out(replies, strtoull(digits + 1, NULL, 16)) : NULL;

    if (request != NULL)
        complete(request, reply_take);
    else /* the caller has given up */
        bus_library_free_message(reply_take);
}

void bus_replies_break(struct bus_replies *replies, uint64_t number)
{
    struct bus_request *request = take_out(replies, number);

    if (request != NULL)
        complete(request, NULL);
}

/* Takes out what `is_over` says, as a list. */
static struct bus_request *take_out_locked(struct bus_replies *replies,
                                           bool (*is_over)(const struct bus_request *, int64_t),
                                           int64_t now_us)
{
    struct bus_request *taken = NULL;

    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct bus_request **link = &replies->buckets[i]; *link != NULL;) {
            struct bus_request *request = *link;
            if (!is_over(request, now_us)) {
                link = &request->next;
                continue;
            }
            *link = request->next;
            replies->handlers -= request->handler != NULL;
            request->next = taken;
            taken = request;
        }
    }
    return taken;
}

static bool is_any(const struct bus_request *request, int64_t now_us)
{
    (void)request;
    (void)now_us;
    return true;
}

void bus_replies_break_all(struct bus_replies *replies)
{
    pthread_mutex_lock(&replies->lock);
    struct bus_request *broken = take_out_locked(replies, is_any, 0);
    pthread_mutex_unlock(&replies->lock);
    while (broken != NULL) {
        struct bus_request *next = broken->next;
        complete(broken, NULL);
        broken = next;
    }
}

/* --- deadlines for which no thread waits ----------------------------------------------------- */

static bool is_late(const struct bus_request *request, int64_t now_us)
{
    return request->handler != NULL && request->deadline_us <= now_us;
}

static void end_late(struct bus_request *late)
{
    while (late != NULL) {
        struct bus_request *next = late->next;
        late->handler(late->ctx, STATUS_DEADLINE_EXCEEDED, NULL);
        request_free(&late);
        late = next;
    }
}

static void *watch(void *arg)
{
    struct bus_replies *replies = arg;

    pthread_setname_np(pthread_self(), "deadlines");
    pthread_mutex_lock(&replies->lock);
    while (!replies->stopping) {
        struct timespec until = clock_at_us(clock_mono_us() + LOOK_US);
        if (replies->handlers == 0)
            pthread_cond_wait(&replies->watch_cond, &replies->lock);
        else
            pthread_cond_clockwait(&replies->watch_cond, &replies->lock, CLOCK_MONOTONIC, &until);
        struct bus_request *late = take_out_locked(replies, is_late, clock_mono_us());
        pthread_mutex_unlock(&replies->lock);
        end_late(late);
        pthread_mutex_lock(&replies->lock);
    }
    pthread_mutex_unlock(&replies->lock);
    return NULL;
}

/* One more with a handler: the thread is started for the first, and woken for one that is alone. */
static void watch_one_more_locked(struct bus_replies *replies)
{
    if (!replies->watching) {
        if (pthread_create(&replies->watch, NULL, watch, replies) != 0) {
            fputs("fatal: cannot start a thread\n", stderr);
            abort();
        }
        replies->watching = true;
    }
    if (replies->handlers++ == 0)
        pthread_cond_signal(&replies->watch_cond);
}

/* --- requests ------------------------------------------------------------------------------ */

/* One with a handler may be over, and gone, as soon as it is in the table: only its number is sure.
 */
static struct bus_request *put_in(struct bus_replies *replies, bus_reply_handler *handler,
                                  void *ctx, int64_t deadline_us, uint64_t *number_out)
{
    struct bus_request *request = xcalloc(1, sizeof(*request));

    request->replies = replies;
    request->handler = handler;
    request->ctx = ctx;
    request->deadline_us = deadline_us;
    pthread_mutex_init(&request->lock, NULL);
    pthread_cond_init(&request->done_cond, NULL);
    pthread_mutex_lock(&replies->lock);
    request->number = *number_out = replies->next_number++;
    struct bus_request **bucket = &replies->buckets[request->number & (BUCKETS - 1)];
    request->next = *bucket;
    *bucket = request;
    if (handler != NULL)
        watch_one_more_locked(replies);
    pthread_mutex_unlock(&replies->lock);
    return request;
}

static natsStatus make_request(struct bus *bus, const char *subject,
                               const struct bus_header *headers, size_t header_count,
                               const void *data, size_t length, uint64_t number,
                               natsMsg **message_out)
{
    char reply_to[BUS_INBOX_SIZE + 18];

    snprintf(reply_to, sizeof(reply_to), "%s.%" PRIx64, bus_inbox(bus), number);
    return bus_make_message(subject, reply_to, headers, header_count, data, length, message_out);
}

enum status bus_request_begin(struct bus *bus, const char *subject,
                              const struct bus_header *headers, size_t header_count,
                              const void *data, size_t length, struct bus_request **request_out)
{
    natsMsg *message = NULL;
    uint64_t number;

    if (!bus_is_connected(bus))
        return STATUS_UNAVAILABLE;
    struct bus_request *request = put_in(bus_replies_of(bus), NULL, NULL, 0, &number);
    natsStatus s =
        make_request(bus, subject, headers, header_count, data, length, number, &message);
    if (s != NATS_OK) {
        take_out(request->replies, number);
        request_free(&request);
        return bus_status(s);
    }
    bus_sender_send(bus_sender_of(bus), message, number);
    *request_out = request;
    return STATUS_OK;
}

void bus_request_async(struct bus *bus, const char *subject, const struct bus_header *headers,
                       size_t header_count, const void *data, size_t length, int64_t deadline_us,
                       bus_reply_handler *handler, void *ctx)
{
    natsMsg *message = NULL;
    uint64_t number;

    if (!bus_is_connected(bus)) {
        handler(ctx, STATUS_UNAVAILABLE, NULL);
        return;
    }
    put_in(bus_replies_of(bus), handler, ctx, deadline_us, &number);
    natsStatus s =
        make_request(bus, subject, headers, header_count, data, length, number, &message);
    if (s == NATS_OK)
        bus_sender_send(bus_sender_of(bus), message, number);
    else
        bus_replies_break(bus_replies_of(bus), number);
}

void bus_give_up_requests(struct bus *bus)
{
    bus_replies_break_all(bus_replies_of(bus));
}

/* Until it is done or the time is over. */
static bool wait_for(struct bus_request *request, const struct timespec *until)
{
    pthread_mutex_lock(&request->lock);
    while (!request->done &&
           pthread_cond_clockwait(&request->done_cond, &request->lock, CLOCK_MONOTONIC, until) == 0)
        continue;
    bool done = request->done;
    pthread_mutex_unlock(&request->lock);
    return done;
}

/* Whoever has taken it out of the table is about to say so. */
static void wait_until_done(struct bus_request *request)
{
    pthread_mutex_lock(&request->lock);
    while (!request->done)
        pthread_cond_wait(&request->done_cond, &request->lock);
    pthread_mutex_unlock(&request->lock);
}

enum status bus_request_end(struct bus_request **request, int64_t deadline_us,
                            struct bus_message **reply_out)
{
    struct bus_request *r = *request;
    struct timespec until = clock_at_us(deadline_us);
    enum status status = STATUS_OK;

    if (!wait_for(r, &until)) {
        if (take_out(r->replies, r->number) != NULL)
            status = STATUS_DEADLINE_EXCEEDED;
        else
            wait_until_done(r);
    }
    if (status == STATUS_OK)
        status = take_reply(r->reply, reply_out);
    request_free(request);
    return status;
}
