#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/common/bus_replies.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "services/common/bus_internal.h"
#include "services/common/clock.h"
#include "services/common/memory.h"

enum { BUCKETS = 1024 /* a power of two */ };

/* In the table until its outcome is sure; whoever takes it out says so, exactly once. */
struct bus_request {
    struct bus_replies *replies;
    uint64_t number;
    struct bus_request *next; /* of the same bucket */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t done_cond;
    bool done;
    natsMsg *reply; /* NULL when it is done: there is none */
};

struct bus_replies {
    pthread_mutex_t lock; /* guards what follows; never taken with a request's */
    struct bus_request *buckets[BUCKETS];
    uint64_t next_number;
};

struct bus_replies *bus_replies_create(void)
{
    struct bus_replies *replies = xcalloc(1, sizeof(*replies));

    pthread_mutex_init(&replies->lock, NULL);
    replies->next_number = 1;
    return replies;
}

void bus_replies_destroy(struct bus_replies **replies)
{
    if (*replies == NULL)
        return;
    pthread_mutex_destroy(&(*replies)->lock);
    free(*replies);
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
        break;
    }
    pthread_mutex_unlock(&replies->lock);
    return request;
}

static void complete(struct bus_request *request, natsMsg *reply)
{
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
        natsMsg_Destroy(reply_take);
}

void bus_replies_break(struct bus_replies *replies, uint64_t number)
{
    struct bus_request *request = take_out(replies, number);

    if (request != NULL)
        complete(request, NULL);
}

void bus_replies_break_all(struct bus_replies *replies)
{
    struct bus_request *broken = NULL;

    pthread_mutex_lock(&replies->lock);
    for (size_t i = 0; i < BUCKETS; i++) {
        while (replies->buckets[i] != NULL) {
            struct bus_request *request = replies->buckets[i];
            replies->buckets[i] = request->next;
            request->next = broken;
            broken = request;
        }
    }
    pthread_mutex_unlock(&replies->lock);
    while (broken != NULL) {
        struct bus_request *next = broken->next;
        complete(broken, NULL);
        broken = next;
    }
}

/* --- requests ------------------------------------------------------------------------------ */

static struct bus_request *put_in(struct bus_replies *replies)
{
    struct bus_request *request = xcalloc(1, sizeof(*request));

    request->replies = replies;
    pthread_mutex_init(&request->lock, NULL);
    pthread_cond_init(&request->done_cond, NULL);
    pthread_mutex_lock(&replies->lock);
    request->number = replies->next_number++;
    struct bus_request **bucket = &replies->buckets[request->number & (BUCKETS - 1)];
    request->next = *bucket;
    *bucket = request;
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

enum status bus_request_begin(struct bus *bus, const char *subject,
                              const struct bus_header *headers, size_t header_count,
                              const void *data, size_t length, struct bus_request **request_out)
{
    char reply_to[BUS_INBOX_SIZE + 18];
    natsMsg *message = NULL;

    if (!bus_is_connected(bus))
        return STATUS_UNAVAILABLE;
    struct bus_request *request = put_in(bus_replies_of(bus));
    snprintf(reply_to, sizeof(reply_to), "%s.%" PRIx64, bus_inbox(bus), request->number);
    natsStatus s =
        bus_make_message(subject, reply_to, headers, header_count, data, length, &message);
    if (s != NATS_OK) {
        take_out(request->replies, request->number);
        request_free(&request);
        return bus_status(s);
    }
    bus_sender_send(bus_sender_of(bus), message, request->number);
    *request_out = request;
    return STATUS_OK;
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
    if (status == STATUS_OK && (r->reply == NULL || natsMsg_IsNoResponders(r->reply))) {
        natsMsg_Destroy(r->reply);
        status = STATUS_UNAVAILABLE;
    }
    if (status == STATUS_OK)
        *reply_out = (struct bus_message *)r->reply;
    request_free(request);
    return status;
}
