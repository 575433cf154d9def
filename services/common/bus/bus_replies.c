#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/common/bus/bus_replies.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/bus/bus_library.h"
#include "services/common/bus/bus_loop.h"

enum {
    BUCKETS = 1024,     /* a power of two */
    LOOK_US = 50 * 1000 /* at most so late is a deadline noticed for which no thread waits */
};

/* In the table until its outcome is known; the thread that removes it completes it, once. */
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
    const struct bus_loop *loop;
    pthread_mutex_t lock; /* guards what follows; never taken with a request's */
    struct bus_request *buckets[BUCKETS];
    uint64_t next_number;
    size_t handlers; /* how many requests have one */
    bool watching, stopping;
    pthread_cond_t watch_cond;
    pthread_t watch;
};

struct bus_replies *bus_replies_create(const struct bus_loop *loop)
{
    struct bus_replies *replies = xcalloc(1, sizeof(*replies));

    pthread_mutex_init(&replies->lock, NULL);
    pthread_cond_init(&replies->watch_cond, NULL);
    replies->loop = loop;
    replies->next_number = 1;
    return replies;
}

void bus_replies_destroy(struct bus_replies **replies)
{
    struct bus_replies *r = *replies;

    if (r == NULL)
        return;
    bus_replies_fail_all(r);
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

static struct bus_request *remove_request(struct bus_replies *replies, uint64_t number)
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

/* The status of a reply; NULL is none. "No responders" is a reply of the server, too. */
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

/* Of a request that was removed from the table. */
static void complete_request(struct bus_request *request, natsMsg *reply)
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
        digits != NULL ? remove_request(replies, strtoull(digits + 1, NULL, 16)) : NULL;

    if (request != NULL)
        complete_request(request, reply_take);
    else /* it was too late */
        bus_library_free_message(reply_take);
}

void bus_replies_fail(struct bus_replies *replies, uint64_t number)
{
    struct bus_request *request = remove_request(replies, number);

    if (request != NULL)
        complete_request(request, NULL);
}

/* Removes the requests for which `is_over` returns true, as a list. */
static struct bus_request *remove_locked(struct bus_replies *replies,
                                         bool (*is_over)(const struct bus_request *, int64_t),
                                         int64_t now_us)
{
    struct bus_request *removed = NULL;

    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct bus_request **link = &replies->buckets[i]; *link != NULL;) {
            struct bus_request *request = *link;
            if (!is_over(request, now_us)) {
                link = &request->next;
                continue;
            }
            *link = request->next;
            replies->handlers -= request->handler != NULL;
            request->next = removed;
            removed = request;
        }
    }
    return removed;
}

static bool is_any(const struct bus_request *request, int64_t now_us)
{
    (void)request;
    (void)now_us;
    return true;
}

void bus_replies_fail_all(struct bus_replies *replies)
{
    pthread_mutex_lock(&replies->lock);
    struct bus_request *failed = remove_locked(replies, is_any, 0);
    pthread_mutex_unlock(&replies->lock);
    while (failed != NULL) {
        struct bus_request *next = failed->next;
        complete_request(failed, NULL);
        failed = next;
    }
}

/* --- deadlines of requests with a handler ---------------------------------------------------- */

static bool is_late(const struct bus_request *request, int64_t now_us)
{
    return request->handler != NULL &&
           (request->deadline_us <= now_us || bus_loop_end_us(request->replies->loop) <= now_us);
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

static void watch_deadlines(void *arg)
{
    struct bus_replies *replies = arg;

    pthread_mutex_lock(&replies->lock);
    while (!replies->stopping) {
        struct timespec until = clock_at_us(clock_mono_us() + LOOK_US);
        if (replies->handlers == 0)
            pthread_cond_wait(&replies->watch_cond, &replies->lock);
        else
            pthread_cond_clockwait(&replies->watch_cond, &replies->lock, CLOCK_MONOTONIC, &until);
        struct bus_request *late = remove_locked(replies, is_late, clock_mono_us());
        pthread_mutex_unlock(&replies->lock);
        end_late(late);
        pthread_mutex_lock(&replies->lock);
    }
    pthread_mutex_unlock(&replies->lock);
}

/* One more request with a handler: the first starts the thread, and one that is alone wakes it. */
static void watch_one_more_locked(struct bus_replies *replies)
{
    if (!replies->watching) {
        replies->watch = thread_start("bus-deadlines", watch_deadlines, replies);
        replies->watching = true;
    }
    if (replies->handlers++ == 0)
        pthread_cond_signal(&replies->watch_cond);
}

/* --- requests ------------------------------------------------------------------------------ */

/* A request with a handler may be completed and freed as soon as it is in the table: its number is
 * all that the caller may use. */
static struct bus_request *add_request(struct bus_replies *replies, bus_reply_handler *handler,
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

struct bus_request *bus_replies_expect(struct bus_replies *replies, uint64_t *number_out)
{
    return add_request(replies, NULL, NULL, 0, number_out);
}

void bus_replies_expect_async(struct bus_replies *replies, int64_t deadline_us,
                              bus_reply_handler *handler, void *ctx, uint64_t *number_out)
{
    add_request(replies, handler, ctx, deadline_us, number_out);
}

/* The deadline, or the end of the bus, which may be set meanwhile. */
static int64_t end_of(const struct bus_request *request, int64_t deadline_us)
{
    int64_t end_us = bus_loop_end_us(request->replies->loop);

    return end_us < deadline_us ? end_us : deadline_us;
}

/* Until it is done or the deadline has passed. */
static bool wait_for(struct bus_request *request, int64_t deadline_us)
{
    pthread_mutex_lock(&request->lock);
    for (int64_t now_us;
         !request->done && (now_us = clock_mono_us()) < end_of(request, deadline_us);) {
        int64_t look_us = now_us + BUS_LOOP_LOOK_MS * 1000;
        struct timespec until = clock_at_us(look_us < deadline_us ? look_us : deadline_us);
        pthread_cond_clockwait(&request->done_cond, &request->lock, CLOCK_MONOTONIC, &until);
    }
    bool done = request->done;
    pthread_mutex_unlock(&request->lock);
    return done;
}

/* The thread that removed it from the table is about to complete it. */
static void wait_until_done(struct bus_request *request)
{
    pthread_mutex_lock(&request->lock);
    while (!request->done)
        pthread_cond_wait(&request->done_cond, &request->lock);
    pthread_mutex_unlock(&request->lock);
}

void bus_replies_cancel(struct bus_request **request)
{
    if (remove_request((*request)->replies, (*request)->number) == NULL)
        wait_until_done(*request);
    request_free(request);
}

enum status bus_replies_wait(struct bus_request **request, int64_t deadline_us,
                             struct bus_message **reply_out)
{
    struct bus_request *r = *request;
    enum status status = STATUS_OK;

    assert(!bus_loop_reads_here(r->replies->loop));
    if (!wait_for(r, deadline_us)) {
        if (remove_request(r->replies, r->number) != NULL)
            status = STATUS_DEADLINE_EXCEEDED;
        else
            wait_until_done(r);
    }
    if (status == STATUS_OK)
        status = take_reply(r->reply, reply_out);
    request_free(request);
    return status;
}
