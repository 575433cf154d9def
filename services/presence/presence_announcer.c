#include "services/presence/presence_announcer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common.pb-c.h"
#include "event.pb-c.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"

enum { WAITING_MAX = 65536, AT_ONCE_MAX = 64, ANSWER_MS = 2000 };

struct news {
    struct news *next;
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
    struct news *first, **end;
    size_t waiting;
    bool stopping;
};

static void destroy_change(struct news *news)
{
    presence_entry_finish(&news->entry);
    free(news);
}

static void begin_change(struct presence_announcer *announcer, const struct rpc_context *context,
                         struct news *news)
{
    Messenger__PresenceChanged event = MESSENGER__PRESENCE_CHANGED__INIT;
    bool online = news->entry.gateway_count > 0;

    log_debug("%s is %s", news->entry.tag, online ? "online" : "offline");
    event.tag = news->entry.tag;
    event.change = news->entry.change;
    news->pending =
        rpc_begin_fact(announcer->options.bus, context,
                       online ? "event.presence.online" : "event.presence.offline", &event.base);
}

static void end_change(struct presence_announcer *announcer, struct news *news)
{
    Messenger__Empty *reply;

    /* Not answered: the mark stays, and it is made good later. */
    if (rpc_end(&news->pending, &messenger__empty__descriptor, &reply, NULL) == STATUS_OK)
        announcer->options.notified(announcer->options.ctx, news->key, &news->entry,
                                    news->revision);
    wire_free(reply);
}

/* Takes up to AT_ONCE_MAX off the queue, waits for the first; NULL when stopping. */
static struct news *take_changes(struct presence_announcer *announcer)
{
    pthread_mutex_lock(&announcer->lock);
    while (announcer->first == NULL && !announcer->stopping)
        pthread_cond_wait(&announcer->cond, &announcer->lock);
    struct news *taken = announcer->stopping ? NULL : announcer->first, **rest = &taken;
    for (int n = 0; n < AT_ONCE_MAX && *rest != NULL; n++) {
        rest = &(*rest)->next;
        announcer->waiting--;
    }
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
    struct news *batch;

    while ((batch = take_changes(announcer)) != NULL) {
        rpc_context_start(&context, ANSWER_MS);
        for (struct news *news = batch; news != NULL; news = news->next)
            begin_change(announcer, &context, news);
        while (batch != NULL) {
            struct news *news = batch;
            batch = news->next;
            end_change(announcer, news);
            destroy_change(news);
        }
    }
}

void presence_announcer_add(struct presence_announcer *announcer, const char *key,
                            struct presence_entry *entry_take, uint64_t revision)
{
    struct news *news = xcalloc(1, sizeof(*news));

    snprintf(news->key, sizeof(news->key), "%s", key);
    news->entry = *entry_take;
    news->revision = revision;
    *entry_take = (struct presence_entry){ .announced = true };
    pthread_mutex_lock(&announcer->lock);
    bool full = announcer->waiting == WAITING_MAX;
    if (!full) {
        *announcer->end = news;
        announcer->end = &news->next;
        announcer->waiting++;
        pthread_cond_signal(&announcer->cond);
    }
    pthread_mutex_unlock(&announcer->lock);
    if (full)
        destroy_change(news);
}

struct presence_announcer *presence_announcer_create(
    const struct presence_announcer_options *options)
{
    struct presence_announcer *announcer = xcalloc(1, sizeof(*announcer));

    announcer->options = *options;
    announcer->end = &announcer->first;
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
    while (a->first != NULL) {
        struct news *news = a->first;
        a->first = news->next;
        destroy_change(news);
    }
    pthread_cond_destroy(&a->cond);
    pthread_mutex_destroy(&a->lock);
    free(a);
    *announcer = NULL;
}
