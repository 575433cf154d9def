#include "services/common/bus/bus_inbound.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/bus/bus_internal.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"

enum {
    PENDING_MESSAGES = 131072, /* of what the library delivers */
    PENDING_BYTES = 256 * 1024 * 1024,
    DRAIN_MS = 5000,
    DRAIN_ALONE_MS = 250, /* without a server */
    SUBJECT_MOST = 256,   /* longer ones are left to the library */
};

struct bus_subscription {
    struct bus *bus;
    natsSubscription *nats;
    bus_handler *handler;
    void *ctx;
    char *subject;
    atomic_bool ended;     /* nothing more is handed on */
    atomic_int references; /* the library's, and one of each message taken */
};

/* The subscriptions of one subject. */
struct route {
    struct bus_subscription *subscription; /* the only one; NULL: others hear the same, or did */
    size_t count;
};

struct taken {
    natsMsg *message;
    struct bus_subscription *subscription; /* NULL: a reply */
};

struct bus_inbound {
    struct bus_replies *replies;
    const char *inbox;
    size_t inbox_length;

    pthread_mutex_t lock;   /* guards what follows */
    struct hashmap *routes; /* subject, as subscribed to -> struct route */
    size_t patterns;        /* how many of them end with a wildcard */
    /* The taking thread's: */
    struct taken *taken;
    size_t count, room;
};

/* --- routes ------------------------------------------------------------------------------- */

static bool is_pattern(const char *subject)
{
    return strpbrk(subject, "*>") != NULL;
}

static void unref(struct bus_subscription *subscription)
{
    if (atomic_fetch_sub(&subscription->references, 1) > 1)
        return;
    free(subscription->subject);
    free(subscription);
}

/* The route of the pattern that the subject matches, "a.b.*" for "a.b.c". */
static struct route *route_by_pattern(struct bus_inbound *inbound, const char *subject)
{
    char pattern[SUBJECT_MOST];
    const char *dot = strrchr(subject, '.');

    if (inbound->patterns == 0 || dot == NULL || dot - subject > SUBJECT_MOST - 3)
        return NULL;
    size_t length = (size_t)(dot - subject) + 1;
    memcpy(pattern, subject, length);
    memcpy(pattern + length, "*", 2);
    return hashmap_get(inbound->routes, pattern);
}

/* What two of our subscriptions hear is left to the library, and so is all else that they hear:
 * each is to be told in order. */
static void share_locked(struct bus_inbound *inbound, const char *subject, struct route *own)
{
    struct route *pattern = is_pattern(subject) ? NULL : route_by_pattern(inbound, subject);
    const char *other;
    void *route;

    if (pattern != NULL)
        pattern->subscription = own->subscription = NULL;
    if (!is_pattern(subject))
        return;
    for (size_t cursor = 0; hashmap_next(inbound->routes, &cursor, &other, &route);)
        if (route != own && route_by_pattern(inbound, other) == own)
            ((struct route *)route)->subscription = own->subscription = NULL;
}

static void add_route(struct bus_inbound *inbound, struct bus_subscription *subscription)
{
    pthread_mutex_lock(&inbound->lock);
    struct route *route = hashmap_get(inbound->routes, subscription->subject);
    if (route == NULL) {
        route = xcalloc(1, sizeof(*route));
        hashmap_put(inbound->routes, subscription->subject, route);
        inbound->patterns += is_pattern(subscription->subject);
    }
    route->subscription = route->count++ == 0 ? subscription : NULL;
    share_locked(inbound, subscription->subject, route);
    pthread_mutex_unlock(&inbound->lock);
}

static void remove_route(struct bus_inbound *inbound, struct bus_subscription *subscription)
{
    pthread_mutex_lock(&inbound->lock);
    struct route *route = hashmap_get(inbound->routes, subscription->subject);
    if (route->subscription == subscription)
        route->subscription = NULL;
    if (--route->count == 0) {
        inbound->patterns -= is_pattern(subscription->subject);
        free(hashmap_remove(inbound->routes, subscription->subject));
    }
    pthread_mutex_unlock(&inbound->lock);
}

/* With a reference, or NULL: the library is to deliver it. */
static struct bus_subscription *find_subscription(struct bus_inbound *inbound, const char *subject)
{
    struct bus_subscription *subscription = NULL;

    pthread_mutex_lock(&inbound->lock);
    struct route *route = hashmap_get(inbound->routes, subject);
    if (route == NULL)
        route = route_by_pattern(inbound, subject);
    if (route != NULL)
        subscription = route->subscription;
    if (subscription != NULL)
        atomic_fetch_add(&subscription->references, 1);
    pthread_mutex_unlock(&inbound->lock);
    return subscription;
}

/* --- from the connection to the handlers -------------------------------------------------- */

bool bus_inbound_take(struct bus_inbound *inbound, natsMsg *message)
{
    struct taken taken = { .message = message };
    const char *subject = natsMsg_GetSubject(message);

    if (strncmp(subject, inbound->inbox, inbound->inbox_length) != 0) {
        taken.subscription = find_subscription(inbound, subject);
        if (taken.subscription == NULL)
            return false;
    }
    if (inbound->count == inbound->room) {
        inbound->room = inbound->room == 0 ? 64 : 2 * inbound->room;
        inbound->taken = xrealloc(inbound->taken, inbound->room * sizeof(*inbound->taken));
    }
    inbound->taken[inbound->count++] = taken;
    return true;
}

static void hand_on(struct bus_subscription *subscription, natsMsg *message)
{
    if (!atomic_load(&subscription->ended))
        subscription->handler(subscription->ctx, (struct bus_message *)message);
    else
        bus_library_free_message(message);
}

void bus_inbound_hand_on(struct bus_inbound *inbound)
{
    for (size_t i = 0; i < inbound->count; i++) {
        struct taken *taken = &inbound->taken[i];
        if (taken->subscription == NULL) {
            bus_replies_take(inbound->replies, taken->message);
        } else {
            hand_on(taken->subscription, taken->message);
            unref(taken->subscription);
        }
    }
    inbound->count = 0;
}

/* --- subscribing -------------------------------------------------------------------------- */

/* What was not taken. */
static void handle_message(natsConnection *nats, natsSubscription *nats_subscription,
                           natsMsg *message, void *ctx)
{
    (void)nats;
    (void)nats_subscription;
    hand_on(ctx, message);
}

/* The library says that its threads will not call again: only now may it forget the closure. */
static void handle_complete(void *ctx)
{
    unref(ctx);
}

static natsStatus subscribe(struct bus_subscription *subscription, const char *queue)
{
    natsConnection *nats = bus_nats(subscription->bus);

    if (queue != NULL)
        return natsConnection_QueueSubscribe(&subscription->nats, nats, subscription->subject,
                                             queue, handle_message, subscription);
    return natsConnection_Subscribe(&subscription->nats, nats, subscription->subject,
                                    handle_message, subscription);
}

enum status bus_subscribe(struct bus *bus, const char *subject, const char *queue,
                          bus_handler *handler, void *ctx,
                          struct bus_subscription **subscription_out)
{
    struct bus_subscription *subscription = xcalloc(1, sizeof(*subscription));

    subscription->bus = bus;
    subscription->handler = handler;
    subscription->ctx = ctx;
    subscription->subject = xstrdup(subject);
    atomic_init(&subscription->references, 1);
    /* First, or the library would deliver what comes in between, beside what comes after it. */
    add_route(bus_inbound_of(bus), subscription);
    natsStatus s = subscribe(subscription, queue);
    if (s != NATS_OK) {
        remove_route(bus_inbound_of(bus), subscription);
        unref(subscription);
        return bus_status(s);
    }
    natsSubscription_SetPendingLimits(subscription->nats, PENDING_MESSAGES, PENDING_BYTES);
    natsSubscription_SetOnCompleteCB(subscription->nats, handle_complete, subscription);
    *subscription_out = subscription;
    return STATUS_OK;
}

void bus_unsubscribe(struct bus_subscription **subscription)
{
    struct bus_subscription *s = *subscription;

    if (s == NULL)
        return;
    *subscription = NULL;
    atomic_store(&s->ended, true);
    atomic_fetch_add(&s->references, 1); /* the library gives its own back */
    natsSubscription_Unsubscribe(s->nats);
    remove_route(bus_inbound_of(s->bus), s);
    natsSubscription_Destroy(s->nats);
    unref(s);
}

void bus_drain(struct bus_subscription **subscription)
{
    struct bus_subscription *s = *subscription;

    if (s == NULL)
        return;
    *subscription = NULL;
    struct bus *bus = s->bus;
    /* Without a connection the library waits for one; then there is only what has arrived before,
     * for which nobody can get an answer. */
    int64_t wait_ms = bus_is_connected(bus) ? DRAIN_MS : DRAIN_ALONE_MS;
    atomic_fetch_add(&s->references, 1);
    if (natsSubscription_Drain(s->nats) == NATS_OK)
        natsSubscription_WaitForDrainCompletion(s->nats, wait_ms);
    bus_loop_settle(bus_loop_of(bus), wait_ms);
    atomic_store(&s->ended, true);
    remove_route(bus_inbound_of(bus), s);
    natsSubscription_Destroy(s->nats);
    unref(s);
}

/* --- life --------------------------------------------------------------------------------- */

struct bus_inbound *bus_inbound_create(struct bus_replies *replies)
{
    struct bus_inbound *inbound = xcalloc(1, sizeof(*inbound));

    inbound->replies = replies;
    inbound->inbox = "";
    inbound->routes = hashmap_create();
    pthread_mutex_init(&inbound->lock, NULL);
    return inbound;
}

void bus_inbound_set_inbox(struct bus_inbound *inbound, const char *prefix)
{
    inbound->inbox = prefix;
    inbound->inbox_length = strlen(prefix);
}

void bus_inbound_destroy(struct bus_inbound **inbound)
{
    struct bus_inbound *in = *inbound;
    const char *subject;
    void *route;

    if (in == NULL)
        return;
    for (size_t i = 0; i < in->count; i++) {
        bus_library_free_message(in->taken[i].message);
        if (in->taken[i].subscription != NULL)
            unref(in->taken[i].subscription);
    }
    free(in->taken);
    for (size_t cursor = 0; hashmap_next(in->routes, &cursor, &subject, &route);)
        free(route);
    hashmap_destroy(&in->routes);
    pthread_mutex_destroy(&in->lock);
    free(in);
    *inbound = NULL;
}
