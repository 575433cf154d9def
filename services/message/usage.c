#include "services/message/usage.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/stop_wait.h"
#include "services/common/base/thread.h"

struct user {
    int64_t total;   /* as the store has it; 0 until it is known */
    int64_t added;   /* since then */
    int64_t used_ms; /* monotonic */
    bool is_known;
};

struct usage {
    struct usage_options options;
    char *url;
    pthread_t thread;
    atomic_int_fast64_t allowance;

    struct stop_wait wait;
    pthread_mutex_t lock;  /* guards what follows */
    struct hashmap *users; /* key -> struct user, owned */
};

/* --- the disk ------------------------------------------------------------------------------ */

int64_t usage_allowance(const struct disk_space *space)
{
    int64_t least = space->low_bytes / 4;

    if (space->free_bytes >= space->low_bytes)
        return INT64_MAX;
    if (space->free_bytes <= least)
        return 0;
    return (int64_t)((double)USAGE_LOW_DISK_BASE * (double)(space->free_bytes - least) /
                     (double)(space->low_bytes - least));
}

static void look_at_disk(struct usage *usage)
{
    struct disk_space space;

    if (usage->options.low_disk_bytes == 0 ||
        !disk_space_look(usage->url, usage->options.low_disk_bytes, &space))
        return;
    int64_t allowance = usage_allowance(&space);
    int64_t before = atomic_exchange(&usage->allowance, allowance);
    if (allowance != INT64_MAX && before == INT64_MAX)
        log_warn("the disk of the message store has %" PRId64
                 " MiB left: users who have stored much may not send; see store.lowDiskMib",
                 space.free_bytes >> 20);
    else if (allowance == 0 && before != 0)
        log_error("the disk of the message store has %" PRId64 " MiB left: nobody may send",
                  space.free_bytes >> 20);
    else if (allowance == INT64_MAX && before != INT64_MAX)
        log_info("the disk of the message store has space again");
}

/* --- users --------------------------------------------------------------------------------- */

/* With the lock; NULL when there are too many. */
static struct user *user_of(struct usage *usage, const char *key)
{
    struct user *user = hashmap_get(usage->users, key);

    if (user == NULL && hashmap_count(usage->users) < USAGE_USERS_MAX) {
        user = xcalloc(1, sizeof(*user));
        hashmap_put(usage->users, key, user);
    }
    if (user != NULL)
        user->used_ms = clock_mono_ms();
    return user;
}

enum usage_verdict usage_judge(struct usage *usage, const char *key, size_t bytes)
{
    int64_t allowance = atomic_load(&usage->allowance), quota = usage->options.quota_bytes;
    int64_t total = (int64_t)bytes;

    if (quota == 0 && allowance == INT64_MAX)
        return USAGE_FITS;
    pthread_mutex_lock(&usage->lock);
    const struct user *user = user_of(usage, key);
    if (user != NULL)
        total += user->total + user->added;
    pthread_mutex_unlock(&usage->lock);
    if (quota > 0 && total > quota)
        return USAGE_OVER_QUOTA;
    return total > allowance ? USAGE_DISK_LOW : USAGE_FITS;
}

void usage_note(struct usage *usage, const char *key, size_t bytes)
{
    pthread_mutex_lock(&usage->lock);
    struct user *user = user_of(usage, key);
    if (user != NULL)
        user->added += (int64_t)bytes;
    pthread_mutex_unlock(&usage->lock);
}

/* --- writing ------------------------------------------------------------------------------- */

/* Those with something to add, or not known yet; forgets those that were not used for long. With
 * the lock. */
static size_t choose_pending(struct usage *usage, struct message_usage *items)
{
    int64_t now_ms = clock_mono_ms();
    size_t cursor = 0, count = 0;
    const char *key;
    void *value;

    while (count < MESSAGE_USAGE_MAX && hashmap_next(usage->users, &cursor, &key, &value)) {
        struct user *user = value;
        if (user->added != 0 || !user->is_known) {
            snprintf(items[count].key, ACCOUNT_NAME_SIZE, "%s", key);
            items[count++].added = user->added;
        } else if (now_ms - user->used_ms > USAGE_KEPT_MS) {
            free(hashmap_remove(usage->users, key));
        }
    }
    return count;
}

static void note_written(struct usage *usage, const struct message_usage *items, size_t count)
{
    pthread_mutex_lock(&usage->lock);
    for (size_t i = 0; i < count; i++) {
        struct user *user = hashmap_get(usage->users, items[i].key);
        user->added -= items[i].added;
        user->total = items[i].total;
        user->is_known = true;
    }
    pthread_mutex_unlock(&usage->lock);
}

/* False when the store does not answer: what is pending stays so. */
static bool write_some(struct usage *usage, size_t *count_out)
{
    struct message_usage *items = xcalloc(MESSAGE_USAGE_MAX, sizeof(*items));

    pthread_mutex_lock(&usage->lock);
    size_t count = choose_pending(usage, items);
    pthread_mutex_unlock(&usage->lock);
    enum status status =
        count > 0 ? message_store_add_usage(usage->options.store, items, count) : STATUS_OK;
    if (status == STATUS_OK)
        note_written(usage, items, count);
    free(items);
    *count_out = count;
    return status == STATUS_OK;
}

static void write_all(struct usage *usage)
{
    size_t count = MESSAGE_USAGE_MAX;

    while (count == MESSAGE_USAGE_MAX && write_some(usage, &count))
        continue;
}

/* --- life ---------------------------------------------------------------------------------- */

static void run_usage(void *arg)
{
    struct usage *usage = arg;
    int64_t written_ms = clock_mono_ms();

    while (stop_wait_pause(&usage->wait, USAGE_LOOK_MS)) {
        look_at_disk(usage);
        if (clock_mono_ms() - written_ms < USAGE_WRITE_MS)
            continue;
        write_all(usage);
        written_ms = clock_mono_ms();
    }
    write_all(usage);
}

struct usage *usage_start(const struct usage_options *options)
{
    struct usage *usage = xcalloc(1, sizeof(*usage));

    usage->options = *options;
    usage->url = xstrdup(options->url);
    usage->options.url = usage->url;
    atomic_init(&usage->allowance, INT64_MAX);
    usage->users = hashmap_create();
    pthread_mutex_init(&usage->lock, NULL);
    stop_wait_init(&usage->wait);
    look_at_disk(usage);
    usage->thread = thread_start("usage", run_usage, usage);
    return usage;
}

void usage_stop(struct usage **usage)
{
    struct usage *u = *usage;
    size_t cursor = 0;
    const char *key;
    void *user;

    if (u == NULL)
        return;
    stop_wait_join(&u->wait, u->thread);
    while (hashmap_next(u->users, &cursor, &key, &user))
        free(user);
    hashmap_destroy(&u->users);
    pthread_mutex_destroy(&u->lock);
    free(u->url);
    free(u);
    *usage = NULL;
}
