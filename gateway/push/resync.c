#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "gateway/push/resync.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/push/deliver.h"
#include "gateway/push/logouts.h"
#include "gateway/socket/registry.h"
#include "message.pb-c.h"
#include "presence.pb-c.h"
#include "services/common/base/backoff.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"

enum { CONTACTS_MAX = 1000, RETRY_MIN_MS = 100, RETRY_MAX_MS = 2000 };

/* How old a fetched change may be: more than the time to detect a dead connection, and than the
 * difference of two machines' clocks. A change that was delivered before is not delivered again. */
enum { LOOK_BACK_MS = 60 * 60 * 1000 };

struct resync {
    struct resync_options options;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;
    bool wanted, stopping;
    struct hashmap *unknown; /* keys of users whose contacts' presence was not known */
};

enum notice { DELIVER_CHANGED, DELIVER_ONLINE };

/* --- contacts' presence ------------------------------------------------------------------ */

static enum status notify_presence_of(struct resync *resync, const struct rpc_context *context,
                                      const char *key, const Messenger__ContactList *contacts,
                                      enum notice notice)
{
    Messenger__GetChangedRequest request = MESSENGER__GET_CHANGED_REQUEST__INIT;
    Messenger__GetChangedReply *reply;

    request.n_tags = contacts->n_tags;
    request.tags = contacts->tags;
    if (notice == DELIVER_CHANGED)
        request.after = (uint64_t)(clock_wall_ms() - LOOK_BACK_MS) * 1000;
    enum status status =
        rpc_call(resync->options.bus, context, "presence.GetChanged", &request.base,
                 &messenger__get_changed_reply__descriptor, &reply, NULL);
    for (size_t i = 0; status == STATUS_OK && i < reply->n_states; i++) {
        const Messenger__GetChangedReply__State *state = reply->states[i];
        if (notice == DELIVER_CHANGED || state->online)
            deliver_presence(resync->options.deliver, key, state->tag, state->change, state->online,
                             notice == DELIVER_ONLINE);
    }
    wire_free(reply);
    return status;
}

/* A stopping gateway delivers nothing. */
static bool is_stopping(const struct resync *resync)
{
    return atomic_load(resync->options.stopping);
}

static enum status resync_contacts(struct resync *resync, const char *tag, enum notice notice)
{
    Messenger__GetContactsRequest request = MESSENGER__GET_CONTACTS_REQUEST__INIT;
    Messenger__ContactList *contacts;
    char after[TAG_SIZE + 1] = "", key[TAG_SIZE];
    struct rpc_context context;
    enum status status = STATUS_OK;
    bool more = tag_to_key(tag, key);

    request.owner_tag = wire_borrow(tag);
    request.after_tag = after;
    while (status == STATUS_OK && more && !is_stopping(resync)) {
        rpc_context_start(&context, RESYNC_TIMEOUT_MS);
        status = rpc_call(resync->options.bus, &context, "message.GetContacts", &request.base,
                          &messenger__contact_list__descriptor, &contacts, NULL);
        if (status != STATUS_OK)
            break;
        more = contacts->n_tags == CONTACTS_MAX;
        if (contacts->n_tags > 0) {
            status = notify_presence_of(resync, &context, key, contacts, notice);
            snprintf(after, sizeof(after), "%s", contacts->tags[contacts->n_tags - 1]);
        }
        wire_free(contacts);
    }
    return status;
}

/* --- the thread -------------------------------------------------------------------------- */

static void pause_before_retry(struct resync *resync, unsigned failures)
{
    struct timespec until = clock_after_ms(backoff_pause(failures, RETRY_MIN_MS, RETRY_MAX_MS));

    pthread_mutex_lock(&resync->lock);
    if (!resync->stopping)
        pthread_cond_clockwait(&resync->cond, &resync->lock, CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(&resync->lock);
}

/* Retries until it succeeds, or the user has no socket here. */
static void resync_user(struct resync *resync, const char *tag, enum notice notice)
{
    unsigned failures = 0;
    char key[TAG_SIZE];

    while (!is_stopping(resync) && tag_to_key(tag, key) &&
           registry_is_online(resync->options.registry, key) &&
           resync_contacts(resync, tag, notice) != STATUS_OK)
        pause_before_retry(resync, ++failures);
}

static void resync_all(struct resync *resync)
{
    unsigned failures = 0;
    size_t count;
    char **tags = registry_tags(resync->options.registry, &count);

    while (!is_stopping(resync) &&
           logouts_check_all(resync->options.logouts, RESYNC_TIMEOUT_MS) != STATUS_OK)
        pause_before_retry(resync, ++failures);
    for (size_t i = 0; i < count; i++) {
        resync_user(resync, tags[i], DELIVER_CHANGED);
        free(tags[i]);
    }
    free(tags);
}

/* Takes one of the users whose contacts' presence was unknown. */
static bool take_unknown_locked(struct resync *resync, char tag_out[TAG_SIZE + 1])
{
    size_t cursor = 0;
    const char *key;
    void *ignored;

    if (!hashmap_next(resync->unknown, &cursor, &key, &ignored))
        return false;
    snprintf(tag_out, TAG_SIZE + 1, "@%s", key);
    hashmap_remove(resync->unknown, tag_out + 1);
    return true;
}

static void run_resync(void *arg)
{
    struct resync *resync = arg;
    char tag[TAG_SIZE + 1];

    pthread_mutex_lock(&resync->lock);
    while (!resync->stopping) {
        bool all = resync->wanted;
        bool one = !all && take_unknown_locked(resync, tag);
        resync->wanted = false;
        if (!all && !one) {
            pthread_cond_wait(&resync->cond, &resync->lock);
            continue;
        }
        pthread_mutex_unlock(&resync->lock);
        if (all)
            resync_all(resync);
        else
            resync_user(resync, tag, DELIVER_ONLINE);
        pthread_mutex_lock(&resync->lock);
    }
    pthread_mutex_unlock(&resync->lock);
}

/* --- from any thread --------------------------------------------------------------------- */

void resync_begin(struct resync *resync)
{
    pthread_mutex_lock(&resync->lock);
    resync->wanted = true;
    pthread_cond_signal(&resync->cond);
    pthread_mutex_unlock(&resync->lock);
}

void resync_presence(struct resync *resync, const char *key)
{
    pthread_mutex_lock(&resync->lock);
    hashmap_put(resync->unknown, key, resync);
    pthread_cond_signal(&resync->cond);
    pthread_mutex_unlock(&resync->lock);
}

struct resync *resync_create(const struct resync_options *options)
{
    struct resync *resync = xcalloc(1, sizeof(*resync));

    resync->options = *options;
    resync->unknown = hashmap_create();
    pthread_mutex_init(&resync->lock, NULL);
    pthread_cond_init(&resync->cond, NULL);
    resync->thread = thread_start("resync", run_resync, resync);
    return resync;
}

void resync_destroy(struct resync **resync)
{
    struct resync *c = *resync;

    if (c == NULL)
        return;
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_signal(&c->cond);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    hashmap_destroy(&c->unknown);
    pthread_cond_destroy(&c->cond);
    pthread_mutex_destroy(&c->lock);
    free(c);
    *resync = NULL;
}
