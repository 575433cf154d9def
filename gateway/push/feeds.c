#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "gateway/push/feeds.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/push/feed_pull.h"
#include "gateway/push/feed_source.h"
#include "gateway/push/feed_table.h"
#include "gateway/socket/lock_rank.h"
#include "services/common/base/backoff.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/lock_order.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/base/workpool.h"
#include "services/common/rpc/wire.h"

enum { PULLERS = 4, PULLS_PENDING_MAX = 65536 };

struct feeds {
    struct feed_table table;
    struct workpool *pullers;
    pthread_t thread;
};

/* --- checking -------------------------------------------------------------------------------- */

struct round {
    struct user_feed *users[FEEDS_CHECKED_MAX];
    size_t count;
};

/* Takes the feeds that are due; `*wait_ms_out`: until the next one is. A feed that is being pulled
 * is inserted again when that ends. */
static void take_due_locked(struct feed_table *table, struct round *round, int64_t *wait_ms_out)
{
    int64_t now = clock_mono_ms();
    struct due_item *first = due_queue_first(&table->due);

    for (round->count = 0;
         first != NULL && first->due_ms <= now && round->count < FEEDS_CHECKED_MAX;
         first = due_queue_first(&table->due)) {
        struct user_feed *user = (struct user_feed *)first; /* its first member */
        due_queue_remove(&table->due, first);
        user->due_again = user->pulling;
        if (user->pulling)
            continue;
        user->references++;
        round->users[round->count++] = user;
    }
    *wait_ms_out = first == NULL ? FEED_CHECK_MS : first->due_ms > now ? first->due_ms - now : 0;
}

/* True when the feed is to be pulled instead. */
static bool begin_check(struct user_feed *user)
{
    lock_order_lock(&user->lock, LOCK_RANK_FEED);
    feed_note_asked(&user->feed);
    bool needs = feed_needs_pull(&user->feed);
    lock_order_unlock(&user->lock, LOCK_RANK_FEED);
    return needs;
}

/* Begins to pull the feeds that need it; the others stay in the round. */
static void begin_pulls(struct feeds *feeds, struct round *round)
{
    size_t kept = 0;

    for (size_t i = 0; i < round->count; i++) {
        if (begin_check(round->users[i]))
            feed_pull_begin(round->users[i], feeds->pullers);
        else
            round->users[kept++] = round->users[i];
    }
    round->count = kept;
}

/* True when it shows a hole, or that the store may have been turned back. */
static bool note_newest(struct user_feed *user, uint64_t newest)
{
    struct feed_outlet outlet = feed_table_outlet(user);

    lock_order_lock(&user->lock, LOCK_RANK_FEED);
    feed_note_newest(&user->feed, newest, &outlet);
    bool needs = feed_needs_pull(&user->feed);
    lock_order_unlock(&user->lock, LOCK_RANK_FEED);
    return needs;
}

static int64_t next_check_ms(const struct user_feed *user, bool answered, bool needs_pull)
{
    if (!answered)
        return backoff_pause(user->failures, FEED_RETRY_MIN_MS, FEED_RETRY_MAX_MS);
    return needs_pull ? FEED_GRACE_MS : backoff_on_grid(FEED_CHECK_MS, FEED_CHECK_GRID_MS);
}

/* `newest` NULL: the message service did not answer. */
static void end_round(struct feed_table *table, struct round *round, const uint64_t *newest)
{
    for (size_t i = 0; i < round->count; i++) {
        struct user_feed *user = round->users[i];
        bool needs = newest != NULL && note_newest(user, newest[i]);
        lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
        user->known = user->known || newest != NULL;
        user->failures = newest != NULL ? 0 : user->failures + 1;
        user->rounds++;
        feed_table_set_due_locked(user,
                                  clock_mono_ms() + next_check_ms(user, newest != NULL, needs));
        feed_table_release_locked(user);
        lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
    }
    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    pthread_cond_broadcast(&table->round_ended);
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
}

static void check_round(struct feeds *feeds, struct round *round)
{
    const char *keys[FEEDS_CHECKED_MAX];
    uint64_t newest[FEEDS_CHECKED_MAX];
    char epoch[FEED_EPOCH_SIZE];

    begin_pulls(feeds, round);
    if (round->count == 0)
        return;
    for (size_t i = 0; i < round->count; i++)
        keys[i] = round->users[i]->key;
    enum status status = feed_source_positions(feeds->table.bus, keys, round->count, epoch, newest);
    if (status == STATUS_OK)
        feed_table_check_epoch(&feeds->table, epoch);
    end_round(&feeds->table, round, status == STATUS_OK ? newest : NULL);
}

static void run_checks(void *arg)
{
    struct feeds *feeds = arg;
    struct feed_table *table = &feeds->table;
    struct round *round = xmalloc(sizeof(*round));
    int64_t wait_ms;

    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    while (!table->stopping) {
        take_due_locked(table, round, &wait_ms);
        if (round->count == 0) {
            struct timespec until = clock_after_ms(wait_ms);
            pthread_cond_clockwait(&table->wake, &table->lock, CLOCK_MONOTONIC, &until);
            continue;
        }
        lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
        check_round(feeds, round);
        lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    }
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
    free(round);
}

/* --- from any thread ----------------------------------------------------------------------- */

void feeds_open(struct feeds *feeds, const char *key)
{
    struct feed_table *table = &feeds->table;
    struct user_feed *user = xcalloc(1, sizeof(*user));

    user->table = table;
    user->references = 1;
    snprintf(user->key, sizeof(user->key), "%s", key);
    pthread_mutex_init(&user->lock, NULL);
    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    hashmap_put(table->by_key, key, user);
    feed_table_set_due_locked(user, 0);
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
}

void feeds_close(struct feeds *feeds, const char *key)
{
    struct feed_table *table = &feeds->table;
    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    struct user_feed *user = hashmap_remove(table->by_key, key);
    if (user != NULL) {
        user->closed = true;
        due_queue_remove(&table->due, &user->due);
    }
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
    if (user == NULL)
        return;
    lock_order_lock(&user->lock, LOCK_RANK_FEED);
    user->gone = true; /* a pull in progress pushes nothing */
    lock_order_unlock(&user->lock, LOCK_RANK_FEED);
    feed_table_release(user);
}

void feeds_take(struct feeds *feeds, const char *key, Messenger__Notification *notification_take)
{
    struct feed_table *table = &feeds->table;
    struct user_feed *user = feed_table_find(table, key);

    if (user == NULL) {
        wire_free(notification_take);
        return;
    }
    struct feed_outlet outlet = feed_table_outlet(user);
    lock_order_lock(&user->lock, LOCK_RANK_FEED);
    feed_take(&user->feed, notification_take, &outlet);
    bool needs_pull = feed_needs_pull(&user->feed);
    lock_order_unlock(&user->lock, LOCK_RANK_FEED);
    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    if (needs_pull && user->failures == 0)
        feed_table_set_due_locked(user, clock_mono_ms() + FEED_GRACE_MS);
    feed_table_release_locked(user);
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
}

void feeds_in_turn(struct feeds *feeds, const char *key, void (*call)(void *arg), void *arg)
{
    struct user_feed *user = feed_table_find(&feeds->table, key);

    if (user == NULL)
        return;
    lock_order_lock(&user->lock, LOCK_RANK_FEED);
    if (!user->gone)
        call(arg);
    lock_order_unlock(&user->lock, LOCK_RANK_FEED);
    feed_table_release(user);
}

void feeds_check_all(struct feeds *feeds)
{
    struct feed_table *table = &feeds->table;
    const char *key;
    void *user;

    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    for (size_t cursor = 0; hashmap_next(table->by_key, &cursor, &key, &user);)
        feed_table_set_due_locked(user, 0);
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
}

enum status feeds_wait_known(struct feeds *feeds, const char *key, int64_t deadline_us)
{
    struct feed_table *table = &feeds->table;
    struct timespec until = clock_at_us(deadline_us);
    enum status status = STATUS_OK;

    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    struct user_feed *user = hashmap_get(table->by_key, key);
    if (user == NULL || user->known) {
        lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
        return STATUS_OK; /* without a feed nothing is pushed */
    }
    unsigned rounds = user->rounds;
    user->references++;
    feed_table_set_due_locked(user, 0);
    while (!user->known && user->rounds == rounds && status == STATUS_OK) {
        if (clock_mono_us() >= deadline_us)
            status = STATUS_DEADLINE_EXCEEDED;
        else
            pthread_cond_clockwait(&table->round_ended, &table->lock, CLOCK_MONOTONIC, &until);
    }
    if (status == STATUS_OK && !user->known)
        status = STATUS_UNAVAILABLE;
    feed_table_release_locked(user);
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
    return status;
}

/* --- life ---------------------------------------------------------------------------------- */

struct feeds *feeds_create(struct bus *bus, const struct feed_sink *sink)
{
    struct workpool_options pullers = {
        .name = "pull",
        .threads = PULLERS,
        .queue_max = PULLS_PENDING_MAX,
    };
    struct feeds *feeds = xcalloc(1, sizeof(*feeds));

    feed_table_init(&feeds->table, bus, sink);
    feeds->pullers = workpool_create(&pullers);
    feeds->thread = thread_start("feeds", run_checks, feeds);
    return feeds;
}

static void stop_table(struct feed_table *table)
{
    const char *key;
    void *user;

    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    table->stopping = true;
    for (size_t cursor = 0; hashmap_next(table->by_key, &cursor, &key, &user);)
        ((struct user_feed *)user)->closed = true; /* ends a pull in progress */
    pthread_cond_signal(&table->wake);
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
}

void feeds_destroy(struct feeds **feeds)
{
    struct feeds *f = *feeds;

    if (f == NULL)
        return;
    stop_table(&f->table);
    pthread_join(f->thread, NULL);
    workpool_destroy(&f->pullers);
    feed_table_finish(&f->table);
    free(f);
    *feeds = NULL;
}
