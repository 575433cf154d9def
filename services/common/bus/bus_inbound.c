#include "services/common/bus/bus_inbound.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/array.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"
#include "services/common/bus/bus_library.h"

enum { SUBJECT_MAX = 256 /* bytes; longer subjects are left to the library */ };

struct bus_receiver {
    bus_handler *handler;
    void *ctx;
    char *subject;
    atomic_bool ended;
    atomic_int references; /* the subscription's, the library's, and one for each message taken */
};

/* The receivers of one subject. */
struct route {
    struct bus_receiver *receiver; /* the only one; NULL: another matches the same, or did */
    size_t count;
};

struct taken_message {
    natsMsg *message;
    struct bus_receiver *receiver; /* NULL: a reply */
};

struct bus_inbound {
    void (*on_reply)(void *ctx, natsMsg *reply_take);
    void *ctx;
    const char *inbox;
    size_t inbox_length;

    pthread_mutex_t lock;   /* guards the next two */
    struct hashmap *routes; /* subject, as subscribed to -> struct route */
    size_t patterns;        /* how many of them end with a wildcard */
    /* The taking thread's: */
    struct taken_message *taken;
    size_t count, capacity;
};

/* --- receivers ---------------------------------------------------------------------------- */

struct bus_receiver *bus_receiver_ref(struct bus_receiver *receiver)
{
    atomic_fetch_add(&receiver->references, 1);
    return receiver;
}

void bus_receiver_unref(struct bus_receiver **receiver)
{
    struct bus_receiver *r = *receiver;

    *receiver = NULL;
    if (atomic_fetch_sub(&r->references, 1) > 1)
        return;
    free(r->subject);
    free(r);
}

void bus_receiver_deliver(struct bus_receiver *receiver, natsMsg *message_take)
{
    if (!atomic_load(&receiver->ended))
        receiver->handler(receiver->ctx, (struct bus_message *)message_take);
    else
        bus_library_free_message(message_take);
}

void bus_receiver_end(struct bus_receiver *receiver)
{
    atomic_store(&receiver->ended, true);
}

/* --- routes ------------------------------------------------------------------------------- */

static bool is_pattern(const char *subject)
{
    return strpbrk(subject, "*>") != NULL;
}

/* The route of the pattern that the subject matches, "a.b.*" for "a.b.c". */
static struct route *route_by_pattern(struct bus_inbound *inbound, const char *subject)
{
    char pattern[SUBJECT_MAX];
    const char *dot = strrchr(subject, '.');

    if (inbound->patterns == 0 || dot == NULL || dot - subject > SUBJECT_MAX - 3)
        return NULL;
    size_t length = (size_t)(dot - subject) + 1;
    memcpy(pattern, subject, length);
    memcpy(pattern + length, "*", 2);
    return hashmap_get(inbound->routes, pattern);
}

/* A subject matched by two receivers is left to the library, and so are all other subjects of
 * these receivers: each must receive its messages in order. */
static void share_locked(struct bus_inbound *inbound, const char *subject, struct route *own)
{
    struct route *pattern = is_pattern(subject) ? NULL : route_by_pattern(inbound, subject);
    const char *other;
    void *route;

    if (pattern != NULL)
        pattern->receiver = own->receiver = NULL;
    if (!is_pattern(subject))
        return;
    for (size_t cursor = 0; hashmap_next(inbound->routes, &cursor, &other, &route);)
        if (route != own && route_by_pattern(inbound, other) == own)
            ((struct route *)route)->receiver = own->receiver = NULL;
}

static void add_route(struct bus_inbound *inbound, struct bus_receiver *receiver)
{
    pthread_mutex_lock(&inbound->lock);
    struct route *route = hashmap_get(inbound->routes, receiver->subject);
    if (route == NULL) {
        route = xcalloc(1, sizeof(*route));
        hashmap_put(inbound->routes, receiver->subject, route);
        inbound->patterns += is_pattern(receiver->subject);
    }
    route->receiver = route->count++ == 0 ? receiver : NULL;
    share_locked(inbound, receiver->subject, route);
    pthread_mutex_unlock(&inbound->lock);
}

static void remove_route(struct bus_inbound *inbound, struct bus_receiver *receiver)
{
    pthread_mutex_lock(&inbound->lock);
    struct route *route = hashmap_get(inbound->routes, receiver->subject);
    assert(route != NULL);
    if (route->receiver == receiver)
        route->receiver = NULL;
    if (--route->count == 0) {
        inbound->patterns -= is_pattern(receiver->subject);
        free(hashmap_remove(inbound->routes, receiver->subject));
    }
    pthread_mutex_unlock(&inbound->lock);
}

/* With a reference. NULL: the library must deliver the message. */
static struct bus_receiver *find_receiver(struct bus_inbound *inbound, const char *subject)
{
    struct bus_receiver *receiver = NULL;

    pthread_mutex_lock(&inbound->lock);
    struct route *route = hashmap_get(inbound->routes, subject);
    if (route == NULL)
        route = route_by_pattern(inbound, subject);
    if (route != NULL)
        receiver = route->receiver;
    if (receiver != NULL)
        bus_receiver_ref(receiver);
    pthread_mutex_unlock(&inbound->lock);
    return receiver;
}

/* --- from the connection to the handlers -------------------------------------------------- */

bool bus_inbound_take(struct bus_inbound *inbound, natsMsg *message)
{
    struct taken_message taken = { .message = message };
    const char *subject = natsMsg_GetSubject(message);

    if (strncmp(subject, inbound->inbox, inbound->inbox_length) != 0) {
        taken.receiver = find_receiver(inbound, subject);
        if (taken.receiver == NULL)
            return false;
    }
    inbound->taken =
        array_reserve(inbound->taken, inbound->count, &inbound->capacity, sizeof(*inbound->taken));
    inbound->taken[inbound->count++] = taken;
    return true;
}

void bus_inbound_dispatch(struct bus_inbound *inbound)
{
    for (size_t i = 0; i < inbound->count; i++) {
        struct taken_message *taken = &inbound->taken[i];
        if (taken->receiver == NULL) {
            inbound->on_reply(inbound->ctx, taken->message);
        } else {
            bus_receiver_deliver(taken->receiver, taken->message);
            bus_receiver_unref(&taken->receiver);
        }
    }
    if (inbound->count > 0) /* not before the first message: bus_inbound_set_inbox reads it */
        inbound->count = 0;
}

/* --- registering -------------------------------------------------------------------------- */

struct bus_receiver *bus_inbound_add(struct bus_inbound *inbound, const char *subject,
                                     bus_handler *handler, void *ctx)
{
    struct bus_receiver *receiver = xcalloc(1, sizeof(*receiver));

    receiver->handler = handler;
    receiver->ctx = ctx;
    receiver->subject = xstrdup(subject);
    atomic_init(&receiver->references, 1);
    add_route(inbound, receiver);
    return receiver;
}

void bus_inbound_remove(struct bus_inbound *inbound, struct bus_receiver **receiver)
{
    remove_route(inbound, *receiver);
    bus_receiver_unref(receiver);
}

/* --- life --------------------------------------------------------------------------------- */

struct bus_inbound *bus_inbound_create(void (*on_reply)(void *ctx, natsMsg *reply_take), void *ctx)
{
    struct bus_inbound *inbound = xcalloc(1, sizeof(*inbound));

    inbound->on_reply = on_reply;
    inbound->ctx = ctx;
    inbound->inbox = "";
    inbound->routes = hashmap_create();
    pthread_mutex_init(&inbound->lock, NULL);
    return inbound;
}

void bus_inbound_set_inbox(struct bus_inbound *inbound, const char *prefix)
{
    assert(inbound->inbox_length == 0 && inbound->count == 0);
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
        if (in->taken[i].receiver != NULL)
            bus_receiver_unref(&in->taken[i].receiver);
    }
    free(in->taken);
    for (size_t cursor = 0; hashmap_next(in->routes, &cursor, &subject, &route);)
        free(route);
    hashmap_destroy(&in->routes);
    pthread_mutex_destroy(&in->lock);
    free(in);
    *inbound = NULL;
}
