#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "gateway/push/resync.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/push/deliver.h"
#include "gateway/push/logouts.h"
#include "gateway/socket/registry.h"
#include "message.pb-c.h"
#include "presence.pb-c.h"
#include "services/common/base/backoff.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

enum { CONTACTS_MAX = 1000, CHANGED_MAX = 65536, RETRY_MIN_MS = 100, RETRY_MAX_MS = 2000 };

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
    struct hashmap *changed; /* "<user> <contact>" -> what of the visibility (enum), as a pointer */
};

/* What a user may see of another one has changed: a bit each. */
enum { SEES_PRESENCE = 1, SEES_PROFILE = 2 };

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

/* --- visibility -------------------------------------------------------------------------- */

/* One user, of whom another may see something else. */
struct sight {
    char key[TAG_SIZE]; /* of the one who sees */
    char tag[TAG_SIZE + 1], own_tag[TAG_SIZE + 1];
    unsigned what;
};

static enum status show_presence(struct resync *resync, const struct rpc_context *context,
                                 const struct sight *sight, bool is_visible)
{
    Messenger__GetChangedRequest request = MESSENGER__GET_CHANGED_REQUEST__INIT;
    Messenger__GetChangedReply *reply;
    char *tags[] = { wire_borrow(sight->tag) };

    request.n_tags = 1;
    request.tags = tags;
    enum status status =
        rpc_call(resync->options.bus, context, "presence.GetChanged", &request.base,
                 &messenger__get_changed_reply__descriptor, &reply, NULL);
    if (status == STATUS_OK) {
        bool known = reply->n_states == 1;
        deliver_visibility(resync->options.deliver, sight->key, sight->tag,
                           known ? reply->states[0]->change : 0, known && reply->states[0]->online,
                           is_visible);
    }
    wire_free(reply);
    return status;
}

static enum status show_profile(struct resync *resync, const struct rpc_context *context,
                                const struct sight *sight)
{
    Messenger__GetUsersRequest request = MESSENGER__GET_USERS_REQUEST__INIT;
    Messenger__UserList *reply;
    char *tags[] = { wire_borrow(sight->tag) };

    request.n_tags = 1;
    request.tags = tags;
    enum status status = rpc_call(resync->options.bus, context, "user.GetUsers", &request.base,
                                  &messenger__user_list__descriptor, &reply, NULL);
    if (status == STATUS_OK && reply->n_users == 1)
        deliver_profile(resync->options.deliver, sight->key, reply->users[0]);
    wire_free(reply);
    return status;
}

static enum status resync_sight(struct resync *resync, const struct sight *sight)
{
    Messenger__GetVisibilityRequest request = MESSENGER__GET_VISIBILITY_REQUEST__INIT;
    Messenger__VisibilityList *reply;
    char *tags[] = { wire_borrow(sight->tag) };
    struct rpc_context context;

    rpc_context_start(&context, RESYNC_TIMEOUT_MS);
    request.owner_tag = wire_borrow(sight->own_tag);
    request.n_tags = 1;
    request.tags = tags;
    enum status status =
        rpc_call(resync->options.bus, &context, "message.GetVisibility", &request.base,
                 &messenger__visibility_list__descriptor, &reply, NULL);
    if (status == STATUS_OK && reply->n_visibilities != 1)
        status = STATUS_INTERNAL;
    if (status == STATUS_OK && (sight->what & SEES_PRESENCE) != 0)
        status = show_presence(resync, &context, sight, !reply->visibilities[0]->hides_presence);
    if (status == STATUS_OK && (sight->what & SEES_PROFILE) != 0 &&
        !reply->visibilities[0]->hides_profile)
        status = show_profile(resync, &context, sight);
    wire_free(reply);
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

/* Takes one of the changes of visibility. */
static bool take_changed_locked(struct resync *resync, struct sight *sight_out)
{
    size_t cursor = 0;
    const char *pair;
    void *what;

    if (!hashmap_next(resync->changed, &cursor, &pair, &what))
        return false;
    const char *space = strchr(pair, ' ');
    sight_out->what = (unsigned)(uintptr_t)what;
    snprintf(sight_out->key, TAG_SIZE, "%.*s", (int)(space - pair), pair);
    snprintf(sight_out->own_tag, TAG_SIZE + 1, "@%s", sight_out->key);
    snprintf(sight_out->tag, TAG_SIZE + 1, "@%s", space + 1);
    hashmap_remove(resync->changed, pair);
    return true;
}

/* Retries until it succeeds, or the user has no socket here. */
static void resync_changed(struct resync *resync, const struct sight *sight)
{
    unsigned failures = 0;

    while (!is_stopping(resync) && registry_is_online(resync->options.registry, sight->key) &&
           resync_sight(resync, sight) != STATUS_OK)
        pause_before_retry(resync, ++failures);
}

static void run_resync(void *arg)
{
    struct resync *resync = arg;
    char tag[TAG_SIZE + 1];
    struct sight sight;

    pthread_mutex_lock(&resync->lock);
    while (!resync->stopping) {
        bool all = resync->wanted;
        bool one = !all && take_unknown_locked(resync, tag);
        bool changed = !all && !one && take_changed_locked(resync, &sight);
        resync->wanted = false;
        if (!all && !one && !changed) {
            pthread_cond_wait(&resync->cond, &resync->lock);
            continue;
        }
        pthread_mutex_unlock(&resync->lock);
        if (all)
            resync_all(resync);
        else if (one)
            resync_user(resync, tag, DELIVER_ONLINE);
        else
            resync_changed(resync, &sight);
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

void resync_visibility(struct resync *resync, const char *key,
                       const Messenger__VisibilityChange *change)
{
    unsigned what = (change->presence ? SEES_PRESENCE : 0U) | (change->profile ? SEES_PROFILE : 0U);
    char pair[2 * TAG_SIZE + 1], contact[TAG_SIZE];

    if (!tag_to_key(change->tag, contact))
        return;
    snprintf(pair, sizeof(pair), "%s %s", key, contact);
    pthread_mutex_lock(&resync->lock);
    what |= (unsigned)(uintptr_t)hashmap_get(resync->changed, pair);
    if (what == 0 || hashmap_count(resync->changed) >= CHANGED_MAX)
        log_debug("dropped a change of what %s may see", pair);
    else
        hashmap_put(resync->changed, pair, (void *)(uintptr_t)what);
    pthread_cond_signal(&resync->cond);
    pthread_mutex_unlock(&resync->lock);
}

struct resync *resync_create(const struct resync_options *options)
{
    struct resync *resync = xcalloc(1, sizeof(*resync));

    resync->options = *options;
    resync->unknown = hashmap_create();
    resync->changed = hashmap_create();
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
    hashmap_destroy(&c->changed);
    pthread_cond_destroy(&c->cond);
    pthread_mutex_destroy(&c->lock);
    free(c);
    *resync = NULL;
}
