#include "services/presence/presence_announcer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common.pb-c.h"
#include "event.pb-c.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"

enum { PENDING_MAX = 65536, AT_ONCE_MAX = 64, ANSWER_MS = 2000 };

struct change {
    struct change *next;
    char key[TAG_SIZE];
    struct presence_entry entry;
    uint64_t revision;
    struct rpc_pending pending;
};

struct presence_announcer {
    struct presence_announcer_options options;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;
    struct change *first, **end;
    struct hashmap *keys; /* of the changes that are pending or in flight */
    bool stopping;
};

static void destroy_change(struct change *change)
{
    presence_entry_finish(&change->entry);
    free(change);
}

/* Before its result is processed: that may add the next one of the user. */
static void forget_key(struct presence_announcer *announcer, const struct change *change)
{
    pthread_mutex_lock(&announcer->lock);
    hashmap_remove(announcer->keys, change->key);
    pthread_mutex_unlock(&announcer->lock);
}

static void discard_pending(struct presence_announcer *announcer)
{
    pthread_mutex_lock(&announcer->lock);
    while (announcer->first != NULL) {
        struct change *change = announcer->first;
        announcer->first = change->next;
        hashmap_remove(announcer->keys, change->key);
        destroy_change(change);
    }
    announcer->end = &announcer->first;
    pthread_mutex_unlock(&announcer->lock);
}

static void begin_change(struct presence_announcer *announcer, const struct rpc_context *context,
                         struct change *change)
{
    Messenger__PresenceChanged event = MESSENGER__PRESENCE_CHANGED__INIT;
    bool online = change->entry.sent_online;

    log_debug("%s is %s", change->entry.tag, online ? "online" : "offline");
    event.tag = change->entry.tag;
    event.change = change->entry.sent;
    change->pending =
        rpc_begin_event(announcer->options.bus, context,
                        online ? "event.presence.online" : "event.presence.offline", &event.base);
}

/* False when the bucket does not answer. `note`: whether it is to be asked at all. */
static bool end_change(struct presence_announcer *announcer, struct change *change, bool note)
{
    Messenger__Empty *reply;

    /* Not answered: the mark stays, and presence_sweep adds the change again. */
    bool notified =
        rpc_end(&change->pending, &messenger__empty__descriptor, &reply, NULL) == STATUS_OK;
    wire_free(reply);
    forget_key(announcer, change);
    return !notified || !note ||
           announcer->options.notified(announcer->options.ctx, change->key, &change->entry,
                                       change->revision);
}

/* Takes up to AT_ONCE_MAX off the queue, waits for the first; NULL when stopping. */
static struct change *take_changes(struct presence_announcer *announcer)
{
    pthread_mutex_lock(&announcer->lock);
    while (announcer->first == NULL && !announcer->stopping)
        pthread_cond_wait(&announcer->cond, &announcer->lock);
    struct change *taken = announcer->stopping ? NULL : announcer->first, **rest = &taken;
    for (int n = 0; n < AT_ONCE_MAX && *rest != NULL; n++)
        rest = &(*rest)->next;
    if (taken != NULL) {
        announcer->first = *rest;
        if (announcer->first == NULL)
            announcer->end = &announcer->first;
        *rest = NULL;
    }
    pthread_mutex_unlock(&announcer->lock);
    return taken;
}

static void run_presence_announcer(void *arg)
{
    struct presence_announcer *announcer = arg;
    struct rpc_context context;
    struct change *batch;

    while ((batch = take_changes(announcer)) != NULL) {
        bool noted = true;
        rpc_context_start(&context, ANSWER_MS);
        for (struct change *change = batch; change != NULL; change = change->next)
            begin_change(announcer, &context, change);
        while (batch != NULL) {
            struct change *change = batch;
            batch = change->next;
            noted = end_change(announcer, change, noted) && noted;
            destroy_change(change);
        }
        if (!noted)
            discard_pending(announcer);
    }
}

void presence_announcer_add(struct presence_announcer *announcer, const char *key,
                            struct presence_entry *entry_take, uint64_t revision)
{
    struct change *change = xcalloc(1, sizeof(*change));

    snprintf(change->key, sizeof(change->key), "%s", key);
    change->entry = *entry_take;
    change->revision = revision;
    *entry_take = (struct presence_entry){ .announced = true };
    pthread_mutex_lock(&announcer->lock);
    bool accept =
        hashmap_count(announcer->keys) < PENDING_MAX && hashmap_get(announcer->keys, key) == NULL;
    if (accept) {
        *announcer->end = change;
        announcer->end = &change->next;
        hashmap_put(announcer->keys, key, change);
        pthread_cond_signal(&announcer->cond);
    }
    pthread_mutex_unlock(&announcer->lock);
    if (!accept)
        destroy_change(change);
}

struct presence_announcer *presence_announcer_create(
    const struct presence_announcer_options *options)
{
    struct presence_announcer *announcer = xcalloc(1, sizeof(*announcer));

    announcer->options = *options;
    announcer->end = &announcer->first;
    announcer->keys = hashmap_create();
    pthread_mutex_init(&announcer->lock, NULL);
    pthread_cond_init(&announcer->cond, NULL);
    announcer->thread = thread_start("announcer", run_presence_announcer, announcer);
    return announcer;
}

void presence_announcer_destroy(struct presence_announcer **announcer)
{
    struct presence_announcer *a = *announcer;

    if (a == NULL)
        return;
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    pthread_cond_signal(&a->cond);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    discard_pending(a);
    hashmap_destroy(&a->keys);
    pthread_cond_destroy(&a->cond);
    pthread_mutex_destroy(&a->lock);
    free(a);
    *announcer = NULL;
}
