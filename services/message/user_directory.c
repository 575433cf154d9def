#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/message/user_directory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event.pb-c.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/bus/bus_subscription.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

/* About 300 bytes each; a full cache is cleared: active users are soon added again. */
enum { REMEMBERED_MAX = 200000, CHECK_TIMEOUT_MS = 2000 };

struct entry {
    struct message_user user;
    char account_id[ID_HEX + 1];
    int64_t confirmed_ms;
    bool used; /* since it was confirmed */
};

struct user_directory {
    struct bus *bus;
    struct message_store *store;
    struct bus_subscription *subscription;
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;
    struct hashmap *entries; /* key of the tag -> entry, owned */
    bool away;               /* the user service did not answer the last check */
    bool stopping;
};

/* --- the cache ----------------------------------------------------------------------------- */

static void forget_all(struct hashmap **entries)
{
    const char *key;
    void *entry;

    for (size_t cursor = 0; hashmap_next(*entries, &cursor, &key, &entry);)
        free(entry);
    hashmap_destroy(entries);
}

static bool recall_key(struct user_directory *directory, const char *key, const char *account_id,
                       struct message_user *user_out)
{
    pthread_mutex_lock(&directory->lock);
    struct entry *entry = hashmap_get(directory->entries, key);
    bool known = entry != NULL && (*account_id == '\0' || !strcmp(account_id, entry->account_id));
    if (known) {
        entry->used = true;
        known = directory->away || clock_mono_ms() - entry->confirmed_ms <= DIRECTORY_FRESH_MS;
        *user_out = entry->user;
    }
    pthread_mutex_unlock(&directory->lock);
    return known;
}

static void remember_user(struct user_directory *directory, const char *key,
                          const struct entry *user)
{
    struct entry *entry = xmalloc(sizeof(*entry));

    *entry = *user;
    pthread_mutex_lock(&directory->lock);
    if (hashmap_count(directory->entries) >= REMEMBERED_MAX) {
        forget_all(&directory->entries);
        directory->entries = hashmap_create();
    }
    free(hashmap_put(directory->entries, key, entry));
    pthread_mutex_unlock(&directory->lock);
}

static void forget_user(struct user_directory *directory, const char *tag)
{
    char key[TAG_SIZE];

    tag_to_key(tag, key);
    pthread_mutex_lock(&directory->lock);
    free(hashmap_remove(directory->entries, key));
    pthread_mutex_unlock(&directory->lock);
}

static void note_away(struct user_directory *directory, bool away)
{
    pthread_mutex_lock(&directory->lock);
    directory->away = away;
    pthread_mutex_unlock(&directory->lock);
}

bool user_directory_recall(struct user_directory *directory, const char *tag,
                           const char *account_id, struct message_user *user_out)
{
    char key[TAG_SIZE];

    return tag_to_key(tag, key) && recall_key(directory, key, account_id, user_out);
}

/* --- fetching ------------------------------------------------------------------------------ */

/* An account that is known already is confirmed; another one is claimed. */
static enum status take_user(struct user_directory *directory, const Messenger__User *user,
                             struct message_user *user_out)
{
    struct entry entry = { .confirmed_ms = clock_mono_ms() };
    char key[TAG_SIZE];

    if (!tag_to_key(user->tag, key) || strlen(user->id) != ID_HEX)
        return STATUS_INTERNAL;
    memcpy(entry.account_id, user->id, sizeof(entry.account_id));
    pthread_mutex_lock(&directory->lock);
    struct entry *known = hashmap_get(directory->entries, key);
    bool same = known != NULL && strcmp(known->account_id, user->id) == 0;
    if (same) {
        known->confirmed_ms = entry.confirmed_ms;
        *user_out = known->user;
    }
    pthread_mutex_unlock(&directory->lock);
    if (same)
        return STATUS_OK;
    enum status status = message_store_claim(directory->store, user->tag, user->id, &entry.user);
    if (status != STATUS_OK)
        return status;
    remember_user(directory, key, &entry);
    *user_out = entry.user;
    return STATUS_OK;
}

/* Fetches those of the tags that exist. The reply is the caller's. */
static enum status fetch_users(struct user_directory *directory, const struct rpc_context *context,
                               char **tags, size_t count, Messenger__UserList **reply_out)
{
    Messenger__GetUsersRequest request = MESSENGER__GET_USERS_REQUEST__INIT;

    request.n_tags = count;
    request.tags = tags;
    return rpc_call(directory->bus, context, "user.GetUsers", &request.base,
                    &messenger__user_list__descriptor, reply_out, NULL);
}

static enum status fetch_one(struct user_directory *directory, const struct rpc_context *context,
                             const char *tag, const char *account_id, struct message_user *user_out)
{
    Messenger__UserList *reply;
    char *tags[] = { wire_borrow(tag) };

    enum status status = fetch_users(directory, context, tags, 1, &reply);
    if (status == STATUS_UNAVAILABLE) { /* what is known serves until the next check */
        note_away(directory, true);
        return user_directory_recall(directory, tag, account_id, user_out) ? STATUS_OK : status;
    }
    if (status == STATUS_OK && reply->n_users == 0) {
        forget_user(directory, tag);
        status = STATUS_NOT_FOUND;
    }
    if (status == STATUS_OK)
        status = take_user(directory, reply->users[0], user_out);
    if (status == STATUS_OK && *account_id != '\0' && strcmp(account_id, reply->users[0]->id) != 0)
        status = STATUS_NOT_FOUND;
    wire_free(reply);
    return status;
}

enum status user_directory_find(struct user_directory *directory, const struct rpc_context *context,
                                const char *tag, struct message_user *user_out)
{
    if (!tag_is_valid(tag))
        return STATUS_NOT_FOUND;
    return user_directory_recall(directory, tag, "", user_out)
               ? STATUS_OK
               : fetch_one(directory, context, tag, "", user_out);
}

enum status user_directory_find_former(struct user_directory *directory,
                                       const struct rpc_context *context, const char *tag,
                                       struct message_user *user_out, bool *is_gone_out)
{
    enum status status = user_directory_find(directory, context, tag, user_out);

    *is_gone_out = status == STATUS_NOT_FOUND && message_user_set(user_out, tag);
    return *is_gone_out ? STATUS_OK : status;
}

enum status user_directory_find_caller(struct user_directory *directory,
                                       const struct rpc_context *context, const char *tag,
                                       const char *account_id, struct message_user *user_out)
{
    enum status status = STATUS_NOT_FOUND;

    if (tag_is_valid(tag))
        status = user_directory_recall(directory, tag, account_id, user_out)
                     ? STATUS_OK
                     : fetch_one(directory, context, tag, account_id, user_out);
    return status == STATUS_NOT_FOUND ? STATUS_UNAUTHENTICATED : status;
}

/* Of the tags whose users are not set. */
static enum status take_many(struct user_directory *directory, const Messenger__UserList *reply,
                             char *const *tags, size_t count, struct message_user *users_out)
{
    struct message_user *users = xcalloc(reply->n_users, sizeof(*users));
    struct hashmap *by_key = hashmap_create();
    enum status status = STATUS_OK;
    char key[TAG_SIZE];

    for (size_t i = 0; i < reply->n_users && status == STATUS_OK; i++) {
        status = take_user(directory, reply->users[i], &users[i]);
        if (status == STATUS_OK && tag_to_key(reply->users[i]->tag, key))
            hashmap_put(by_key, key, &users[i]);
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const struct message_user *user =
            tag_to_key(tags[i], key) ? hashmap_get(by_key, key) : NULL;
        if (users_out[i].key[0] == '\0' && user != NULL)
            users_out[i] = *user;
    }
    hashmap_destroy(&by_key);
    free(users);
    return status;
}

enum status user_directory_find_many(struct user_directory *directory,
                                     const struct rpc_context *context, char *const *tags,
                                     size_t count, struct message_user *users_out)
{
    char **missing = xcalloc(count, sizeof(*missing));
    Messenger__UserList *reply = NULL;
    enum status status = STATUS_OK;
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        users_out[i].key[0] = '\0';
        if (tag_is_valid(tags[i]) &&
            !user_directory_recall(directory, tags[i], "", &users_out[i])) {
            users_out[i].key[0] = '\0';
            missing[n++] = tags[i];
        }
    }
    if (n > 0)
        status = fetch_users(directory, context, missing, n, &reply);
    if (status == STATUS_OK && reply != NULL)
        status = take_many(directory, reply, tags, count, users_out);
    wire_free(reply);
    free(missing);
    return status;
}

/* --- checks -------------------------------------------------------------------------------- */

struct batch {
    char tags[DIRECTORY_MANY_MAX][TAG_SIZE + 1];
    char *pointers[DIRECTORY_MANY_MAX];
    size_t count;
};

/* Takes entries that were used since they were confirmed; one in any case while the user service is
 * away, to notice that it is back. */
static bool take_batch(struct user_directory *directory, struct batch *batch)
{
    const char *key;
    void *value;

    batch->count = 0;
    pthread_mutex_lock(&directory->lock);
    for (size_t cursor = 0; batch->count < DIRECTORY_MANY_MAX &&
                            hashmap_next(directory->entries, &cursor, &key, &value);) {
        struct entry *entry = value;
        if (!entry->used && (!directory->away || batch->count > 0))
            continue;
        entry->used = false;
        snprintf(batch->tags[batch->count], sizeof(*batch->tags), "@%s", key);
        batch->pointers[batch->count] = batch->tags[batch->count];
        batch->count++;
    }
    pthread_mutex_unlock(&directory->lock);
    return batch->count > 0;
}

/* Those that the user service has not listed are gone. */
static void forget_missing(struct user_directory *directory, const struct batch *batch,
                           const Messenger__UserList *reply)
{
    struct hashmap *listed = hashmap_create();
    char key[TAG_SIZE];

    for (size_t i = 0; i < reply->n_users; i++)
        if (tag_to_key(reply->users[i]->tag, key))
            hashmap_put(listed, key, listed);
    for (size_t i = 0; i < batch->count; i++)
        if (hashmap_get(listed, batch->tags[i] + 1) == NULL)
            forget_user(directory, batch->tags[i]);
    hashmap_destroy(&listed);
}

static bool check_batch(struct user_directory *directory, struct batch *batch)
{
    Messenger__UserList *reply;
    struct rpc_context context;
    struct message_user user;

    rpc_context_start(&context, CHECK_TIMEOUT_MS);
    enum status status = fetch_users(directory, &context, batch->pointers, batch->count, &reply);
    for (size_t i = 0; status == STATUS_OK && i < reply->n_users; i++)
        if (take_user(directory, reply->users[i], &user) != STATUS_OK)
            forget_user(directory, reply->users[i]->tag);
    if (status == STATUS_OK)
        forget_missing(directory, batch, reply);
    wire_free(reply);
    note_away(directory, status != STATUS_OK);
    return status == STATUS_OK;
}

static void check_used(struct user_directory *directory)
{
    struct batch *batch = xmalloc(sizeof(*batch));
    bool goes_on = true;

    while (goes_on && take_batch(directory, batch))
        goes_on = check_batch(directory, batch);
    free(batch);
}

static void run_checks(void *arg)
{
    struct user_directory *directory = arg;

    pthread_mutex_lock(&directory->lock);
    while (!directory->stopping) {
        struct timespec until = clock_after_ms(DIRECTORY_CHECK_MS);
        while (!directory->stopping && pthread_cond_clockwait(&directory->cond, &directory->lock,
                                                              CLOCK_MONOTONIC, &until) == 0)
            continue;
        if (directory->stopping)
            break;
        pthread_mutex_unlock(&directory->lock);
        check_used(directory);
        pthread_mutex_lock(&directory->lock);
    }
    pthread_mutex_unlock(&directory->lock);
}

/* A tag is given to another account only after the store of users was replaced. */
static void handle_registered(void *ctx, struct bus_message *message_take)
{
    struct bus_message *message = message_take;
    Messenger__UserRegistered *event =
        wire_unpack(&messenger__user_registered__descriptor, bus_message_data(message),
                    bus_message_length(message));

    if (event != NULL && event->user != NULL)
        forget_user(ctx, event->user->tag);
    wire_free(event);
    bus_message_destroy(&message);
}

/* --- start, stop --------------------------------------------------------------------------- */

enum status user_directory_start(struct bus *bus, struct message_store *store,
                                 struct user_directory **directory_out)
{
    struct user_directory *directory = xcalloc(1, sizeof(*directory));

    directory->bus = bus;
    directory->store = store;
    pthread_mutex_init(&directory->lock, NULL);
    pthread_cond_init(&directory->cond, NULL);
    directory->entries = hashmap_create();
    enum status status = bus_subscription_open(
        bus, "event.user.registered", NULL, handle_registered, directory, &directory->subscription);
    if (status != STATUS_OK) {
        user_directory_stop(&directory);
        return status;
    }
    directory->thread = thread_start("directory", run_checks, directory);
    directory->has_thread = true;
    *directory_out = directory;
    return STATUS_OK;
}

void user_directory_stop(struct user_directory **directory)
{
    struct user_directory *d = *directory;

    if (d == NULL)
        return;
    pthread_mutex_lock(&d->lock);
    d->stopping = true;
    pthread_cond_signal(&d->cond);
    pthread_mutex_unlock(&d->lock);
    if (d->has_thread)
        pthread_join(d->thread, NULL);
    bus_subscription_drain(&d->subscription);
    forget_all(&d->entries);
    pthread_cond_destroy(&d->cond);
    pthread_mutex_destroy(&d->lock);
    free(d);
    *directory = NULL;
}
