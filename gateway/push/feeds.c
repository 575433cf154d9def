#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "gateway/push/feeds.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/push/due_queue.h"
#include "gateway/push/feed_source.h"
#include "services/common/base/backoff.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/tag.h"
#include "services/common/base/thread.h"
#include "services/common/rpc/wire.h"
#include "services/common/base/workpool.h"

enum {
    PULLERS = 4,
    PULLS_MOST = 65536,
    RETRY_LEAST_MS = 100,
    RETRY_MOST_MS = 5000,
    CHECK_GRID_MS = 500, /* checks fall due together, so that few rounds see to many */
    FRUITLESS_MOST = 8,  /* pulls that bring nothing, before a hole is given up: some seconds */
};

/* One user's. `feed` belongs to its lock, the rest to that of all feeds. */
struct user_feed {
    struct due_item due; /* when it is to be looked at; in no queue while it is, or is closed */
    struct feeds *feeds;
    char key[TAG_SIZE];
    pthread_mutex_t lock;
    struct feed feed;
    bool gone; /* closed: another feed may push to this user's sockets by now */

    size_t references;
    bool known, pulling, closed;
    bool due_again;        /* fell due while it was pulled */
    unsigned failures;     /* to ask or to pull, in a row */
    int64_t busy_since_ms; /* the puller's: 0 = the sockets take what is pushed */
    unsigned rounds;       /* of asking that have ended */
};

struct feeds {
    struct feeds_options options;
    struct workpool *pullers;
    pthread_t thread;

    pthread_mutex_t lock; /* never taken while a user's is held */
    pthread_cond_t wake;  /* something is due earlier than was thought */
    pthread_cond_t told;  /* a round of asking has ended */
    bool stopping;
    struct hashmap *by_key;
    struct due_queue due;
    char epoch[FEED_EPOCH_SIZE]; /* "" = not told yet */
};

/* --- one among all ------------------------------------------------------------------------- */

static struct user_feed *find(struct feeds *feeds, const char *key)
{
    pthread_mutex_lock(&feeds->lock);
    struct user_feed *user = hashmap_get(feeds->by_key, key);
    if (user != NULL)
        user->references++;
    pthread_mutex_unlock(&feeds->lock);
    return user;
}

static void release_locked(struct user_feed *user)
{
    if (--user->references > 0)
        return;
    feed_forget(&user->feed);
    pthread_mutex_destroy(&user->lock);
    free(user);
}

static void release(struct user_feed *user)
{
    struct feeds *feeds = user->feeds;

    pthread_mutex_lock(&feeds->lock);
    release_locked(user);
    pthread_mutex_unlock(&feeds->lock);
}

/* Never later than it was: something may have come to light while it was being looked at. */
static void set_due_locked(struct user_feed *user, int64_t due_ms)
{
    struct feeds *feeds = user->feeds;

    if (user->closed || (user->due.place != 0 && due_ms >= user->due.due_ms))
        return;
    due_queue_put(&feeds->due, &user->due, due_ms);
    pthread_cond_signal(&feeds->wake);
}

static void push(void *ctx, const Messenger__Notification *notification)
{
    const struct user_feed *user = ctx;
    const struct feeds_options *options = &user->feeds->options;

    if (user->gone)
        return;
    options->push(options->ctx, user->key, notification);
}

static bool has_room(void *ctx)
{
    const struct user_feed *user = ctx;
    const struct feeds_options *options = &user->feeds->options;

    return user->gone || options->has_room(options->ctx, user->key);
}

static struct feed_outlet outlet_of(struct user_feed *user)
{
    return (struct feed_outlet){ push, has_room, user };
}

/* --- another store ------------------------------------------------------------------------- */

static void forget(struct user_feed *user)
{
    pthread_mutex_lock(&user->lock);
    feed_forget(&user->feed);
    pthread_mutex_unlock(&user->lock);
}

static void forget_all(struct feeds *feeds)
{
    struct user_feed **users;
    size_t count = 0;
    const char *key;
    void *value;

    pthread_mutex_lock(&feeds->lock);
    users = xcalloc(hashmap_count(feeds->by_key), sizeof(struct user_feed *));
    for (size_t cursor = 0; hashmap_next(feeds->by_key, &cursor, &key, &value);) {
        users[count] = value;
        users[count]->references++;
        users[count]->known = false;
        set_due_locked(users[count++], 0);
    }
    pthread_mutex_unlock(&feeds->lock);
    for (size_t i = 0; i < count; i++) {
        forget(users[i]);
        release(users[i]);
    }
    free(users);
}

/* False when the store is another than before: then all feeds have begun anew. */
static bool check_epoch(struct feeds *feeds, const char *epoch)
{
    pthread_mutex_lock(&feeds->lock);
    bool same = strcmp(feeds->epoch, epoch) == 0;
    bool first = feeds->epoch[0] == '\0';
    snprintf(feeds->epoch, sizeof(feeds->epoch), "%s", epoch);
    pthread_mutex_unlock(&feeds->lock);
    if (same || first)
        return true;
    log_warn("the message store is another one now (epoch %s): all sockets begin anew", epoch);
    forget_all(feeds);
    feeds->options.lose(feeds->options.ctx, NULL);
    return false;
}

/* --- pulling ------------------------------------------------------------------------------- */

enum pulled { PULLED_ALL, PULLED_SOME, PULLED_NOTHING };

static enum pulled fill(struct user_feed *user, const Messenger__ChangeList *changes)
{
    struct feed_outlet outlet = outlet_of(user);
    enum pulled result = PULLED_ALL;

    pthread_mutex_lock(&user->lock);
    uint64_t before = user->feed.position;
    bool all =
        feed_fill(&user->feed, changes->changes, changes->n_changes, changes->position, &outlet);
    if (feed_has_hole(&user->feed) || changes->more)
        result = !all || user->feed.position > before ? PULLED_SOME : PULLED_NOTHING;
    pthread_mutex_unlock(&user->lock);
    log_debug("pulled %zu changes of @%s after %" PRIu64, changes->n_changes, user->key, before);
    return result;
}

/* The store cannot tell what follows: the user's clients begin anew. */
static void begin_anew(struct user_feed *user)
{
    struct feeds *feeds = user->feeds;

    pthread_mutex_lock(&feeds->lock);
    bool closed = user->closed;
    user->known = false;
    set_due_locked(user, 0);
    pthread_mutex_unlock(&feeds->lock);
    if (closed)
        return;
    log_warn("what @%s has missed cannot be told", user->key);
    forget(user);
    feeds->options.lose(feeds->options.ctx, user->key);
}

static enum status pull_once(struct user_feed *user, enum pulled *result_out)
{
    struct feeds *feeds = user->feeds;
    Messenger__ChangeList *changes;
    char epoch[FEED_EPOCH_SIZE];

    *result_out = PULLED_ALL;
    pthread_mutex_lock(&feeds->lock);
    bool closed = user->closed;
    memcpy(epoch, feeds->epoch, sizeof(epoch));
    pthread_mutex_unlock(&feeds->lock);
    if (closed)
        return STATUS_OK;
    pthread_mutex_lock(&user->lock);
    uint64_t since = user->feed.position;
    pthread_mutex_unlock(&user->lock);
    enum status status = feed_source_changes(feeds->options.bus, user->key, epoch, since, &changes);
    if (status != STATUS_OK)
        return status;
    if (check_epoch(feeds, changes->epoch)) {
        if (changes->reset)
            begin_anew(user);
        else
            *result_out = fill(user, changes);
    }
    wire_free(changes);
    return STATUS_OK;
}

/* The store has nothing of what is missing, time and again: better a hole than silence. */
static void give_up_hole(struct user_feed *user)
{
    struct feed_outlet outlet = outlet_of(user);

    pthread_mutex_lock(&user->lock);
    log_error("@%s: the store knows nothing between %" PRIu64 " and %" PRIu64 "; going on without",
              user->key, user->feed.position, user->feed.newest);
    feed_skip_hole(&user->feed, &outlet);
    pthread_mutex_unlock(&user->lock);
}

/* May the next page be pushed? One slow socket is waited for a little, but not by the others. */
static bool is_calm(struct user_feed *user)
{
    const struct feeds_options *options = &user->feeds->options;
    int64_t now = clock_mono_ms();
    size_t calm = 0, busy = 0;

    options->count_calm(options->ctx, user->key, &calm, &busy);
    if (busy == 0)
        user->busy_since_ms = 0;
    else if (user->busy_since_ms == 0)
        user->busy_since_ms = now;
    return busy == 0 || (calm > 0 && now - user->busy_since_ms > FEEDS_PATIENCE_MS);
}

static void end_pull(struct user_feed *user, int64_t wait_ms)
{
    struct feeds *feeds = user->feeds;

    pthread_mutex_lock(&feeds->lock);
    user->pulling = false;
    set_due_locked(user, user->due_again ? 0 : clock_mono_ms() + wait_ms);
    release_locked(user);
    pthread_mutex_unlock(&feeds->lock);
}

/* How long to wait after a pull that ended so. */
static int64_t note_pulled(struct user_feed *user, enum status status, enum pulled result)
{
    struct feeds *feeds = user->feeds;
    bool fruitless = status != STATUS_OK || result == PULLED_NOTHING;

    pthread_mutex_lock(&feeds->lock);
    user->failures = fruitless ? user->failures + 1 : 0;
    int64_t wait_ms = fruitless ? backoff_pause(user->failures, RETRY_LEAST_MS, RETRY_MOST_MS)
                                : backoff_on_grid(FEEDS_CHECK_MS, CHECK_GRID_MS);
    bool give_up = status == STATUS_OK && user->failures > FRUITLESS_MOST;
    if (give_up)
        user->failures = 0;
    pthread_mutex_unlock(&feeds->lock);
    if (give_up)
        give_up_hole(user);
    return wait_ms;
}

static void run_pull(void *arg)
{
    struct user_feed *user = arg;
    enum pulled result = PULLED_SOME;
    enum status status = STATUS_OK;

    while (status == STATUS_OK && result == PULLED_SOME) {
        if (!is_calm(user)) {
            end_pull(user, FEEDS_GRACE_MS);
            return;
        }
        status = pull_once(user, &result);
    }
    end_pull(user, note_pulled(user, status, result));
}

/* --- asking -------------------------------------------------------------------------------- */

struct round {
    struct user_feed *users[FEEDS_ASK_MOST];
    size_t count;
};

/* Takes those that are due; `wait_ms_out`: until the next is. Those that are being pulled are put
 * in again when that ends. */
static void take_due_locked(struct feeds *feeds, struct round *round, int64_t *wait_ms_out)
{
    int64_t now = clock_mono_ms();
    struct due_item *first = due_queue_first(&feeds->due);

    for (round->count = 0; first != NULL && first->due_ms <= now && round->count < FEEDS_ASK_MOST;
         first = due_queue_first(&feeds->due)) {
        struct user_feed *user = (struct user_feed *)first; /* its first member */
        due_queue_remove(&feeds->due, first);
        user->due_again = user->pulling;
        if (user->pulling)
            continue;
        user->references++;
        round->users[round->count++] = user;
    }
    *wait_ms_out = first == NULL ? FEEDS_CHECK_MS : first->due_ms > now ? first->due_ms - now : 0;
}

static bool has_hole(struct user_feed *user)
{
    pthread_mutex_lock(&user->lock);
    bool hole = feed_has_hole(&user->feed);
    pthread_mutex_unlock(&user->lock);
    return hole;
}

/* Hands those over to be pulled of which something is known to be missing. */
static void start_pulls(struct feeds *feeds, struct round *round)
{
    size_t kept = 0;

    for (size_t i = 0; i < round->count; i++) {
        struct user_feed *user = round->users[i];
        if (!has_hole(user)) {
            round->users[kept++] = user;
            continue;
        }
        pthread_mutex_lock(&feeds->lock);
        user->pulling = true;
        pthread_mutex_unlock(&feeds->lock);
        if (!workpool_submit(feeds->pullers, run_pull, user)) {
            pthread_mutex_lock(&feeds->lock);
            user->pulling = false;
            set_due_locked(user, clock_mono_ms() + RETRY_LEAST_MS);
            release_locked(user);
            pthread_mutex_unlock(&feeds->lock);
        }
    }
    round->count = kept;
}

/* True when a hole has come to light. */
static bool hear_newest(struct user_feed *user, uint64_t newest)
{
    struct feed_outlet outlet = outlet_of(user);

    pthread_mutex_lock(&user->lock);
    feed_hear_newest(&user->feed, newest, &outlet);
    bool hole = feed_has_hole(&user->feed);
    pthread_mutex_unlock(&user->lock);
    return hole;
}

static void end_round(struct feeds *feeds, struct round *round, const uint64_t *newest)
{
    for (size_t i = 0; i < round->count; i++) {
        struct user_feed *user = round->users[i];
        bool hole = newest != NULL && hear_newest(user, newest[i]);
        pthread_mutex_lock(&feeds->lock);
        user->known = user->known || newest != NULL;
        user->failures = newest != NULL ? 0 : user->failures + 1;
        user->rounds++;
        set_due_locked(user, clock_mono_ms() +
                                 (newest == NULL
                                      ? backoff_pause(user->failures, RETRY_LEAST_MS, RETRY_MOST_MS)
                                  : hole ? FEEDS_GRACE_MS
                                         : backoff_on_grid(FEEDS_CHECK_MS, CHECK_GRID_MS)));
        release_locked(user);
        pthread_mutex_unlock(&feeds->lock);
    }
    pthread_mutex_lock(&feeds->lock);
    pthread_cond_broadcast(&feeds->told);
    pthread_mutex_unlock(&feeds->lock);
}

static void ask(struct feeds *feeds, struct round *round)
{
    const char *keys[FEEDS_ASK_MOST];
    uint64_t newest[FEEDS_ASK_MOST];
    char epoch[FEED_EPOCH_SIZE];

    start_pulls(feeds, round);
    if (round->count == 0)
        return;
    for (size_t i = 0; i < round->count; i++)
        keys[i] = round->users[i]->key;
    enum status status =
        feed_source_positions(feeds->options.bus, keys, round->count, epoch, newest);
    if (status == STATUS_OK)
        check_epoch(feeds, epoch);
    end_round(feeds, round, status == STATUS_OK ? newest : NULL);
}

static void run_asking(void *arg)
{
    struct feeds *feeds = arg;
    struct round *round = xmalloc(sizeof(*round));
    int64_t wait_ms;

    pthread_mutex_lock(&feeds->lock);
    while (!feeds->stopping) {
        take_due_locked(feeds, round, &wait_ms);
        if (round->count == 0) {
            struct timespec until = clock_after_ms(wait_ms);
            pthread_cond_clockwait(&feeds->wake, &feeds->lock, CLOCK_MONOTONIC, &until);
            continue;
        }
        pthread_mutex_unlock(&feeds->lock);
        ask(feeds, round);
        pthread_mutex_lock(&feeds->lock);
    }
    pthread_mutex_unlock(&feeds->lock);
    free(round);
}

/* --- from any thread ----------------------------------------------------------------------- */

void feeds_open(struct feeds *feeds, const char *key)
{
    struct user_feed *user = xcalloc(1, sizeof(*user));

    user->feeds = feeds;
    user->references = 1;
    snprintf(user->key, sizeof(user->key), "%s", key);
    pthread_mutex_init(&user->lock, NULL);
    pthread_mutex_lock(&feeds->lock);
    hashmap_put(feeds->by_key, key, user);
    set_due_locked(user, 0);
    pthread_mutex_unlock(&feeds->lock);
}

void feeds_close(struct feeds *feeds, const char *key)
{
    pthread_mutex_lock(&feeds->lock);
    struct user_feed *user = hashmap_remove(feeds->by_key, key);
    if (user != NULL) {
        user->closed = true;
        due_queue_remove(&feeds->due, &user->due);
    }
    pthread_mutex_unlock(&feeds->lock);
    if (user == NULL)
        return;
    pthread_mutex_lock(&user->lock);
    user->gone = true; /* what is being pulled or asked for comes to nobody */
    pthread_mutex_unlock(&user->lock);
    release(user);
}

void feeds_take(struct feeds *feeds, const char *key, Messenger__Notification *notification_take)
{
    struct user_feed *user = find(feeds, key);

    if (user == NULL) {
        wire_free(notification_take);
        return;
    }
    struct feed_outlet outlet = outlet_of(user);
    pthread_mutex_lock(&user->lock);
    feed_take(&user->feed, notification_take, &outlet);
    bool hole = feed_has_hole(&user->feed);
    pthread_mutex_unlock(&user->lock);
    pthread_mutex_lock(&feeds->lock);
    if (hole && user->failures == 0)
        set_due_locked(user, clock_mono_ms() + FEEDS_GRACE_MS);
    release_locked(user);
    pthread_mutex_unlock(&feeds->lock);
}

void feeds_in_turn(struct feeds *feeds, const char *key, void (*call)(void *arg), void *arg)
{
    struct user_feed *user = find(feeds, key);

    if (user == NULL)
        return;
    pthread_mutex_lock(&user->lock);
    if (!user->gone)
        call(arg);
    pthread_mutex_unlock(&user->lock);
    release(user);
}

void feeds_check_all(struct feeds *feeds)
{
    const char *key;
    void *user;

    pthread_mutex_lock(&feeds->lock);
    for (size_t cursor = 0; hashmap_next(feeds->by_key, &cursor, &key, &user);)
        set_due_locked(user, 0);
    pthread_mutex_unlock(&feeds->lock);
}

enum status feeds_wait_known(struct feeds *feeds, const char *key, int64_t deadline_us)
{
    struct timespec until = clock_at_us(deadline_us);
    enum status status = STATUS_OK;

    pthread_mutex_lock(&feeds->lock);
    struct user_feed *user = hashmap_get(feeds->by_key, key);
    if (user == NULL || user->known) {
        pthread_mutex_unlock(&feeds->lock);
        return STATUS_OK; /* without a feed nobody waits for pushes */
    }
    unsigned rounds = user->rounds;
    user->references++;
    set_due_locked(user, 0);
    while (!user->known && user->rounds == rounds && status == STATUS_OK) {
        if (clock_mono_us() >= deadline_us)
            status = STATUS_DEADLINE_EXCEEDED;
        else
            pthread_cond_clockwait(&feeds->told, &feeds->lock, CLOCK_MONOTONIC, &until);
    }
    if (status == STATUS_OK && !user->known)
        status = STATUS_UNAVAILABLE;
    release_locked(user);
    pthread_mutex_unlock(&feeds->lock);
    return status;
}

/* --- life ---------------------------------------------------------------------------------- */

struct feeds *feeds_create(const struct feeds_options *options)
{
    struct workpool_options pullers = { .name = "pull",
                                        .threads = PULLERS,
                                        .queue_most = PULLS_MOST };
    struct feeds *feeds = xcalloc(1, sizeof(*feeds));

    feeds->options = *options;
    feeds->by_key = hashmap_create();
    feeds->pullers = workpool_create(&pullers);
    pthread_mutex_init(&feeds->lock, NULL);
    pthread_cond_init(&feeds->wake, NULL);
    pthread_cond_init(&feeds->told, NULL);
    feeds->thread = thread_start("feeds", run_asking, feeds);
    return feeds;
}

void feeds_destroy(struct feeds **feeds)
{
    struct feeds *f = *feeds;
    const char *key;
    void *user;

    if (f == NULL)
        return;
    pthread_mutex_lock(&f->lock);
    f->stopping = true;
    for (size_t cursor = 0; hashmap_next(f->by_key, &cursor, &key, &user);)
        ((struct user_feed *)user)->closed = true; /* what is being pulled ends soon */
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    workpool_destroy(&f->pullers);
    for (size_t cursor = 0; hashmap_next(f->by_key, &cursor, &key, &user);)
        release_locked(user);
    hashmap_destroy(&f->by_key);
    due_queue_finish(&f->due);
    pthread_cond_destroy(&f->told);
    pthread_cond_destroy(&f->wake);
    pthread_mutex_destroy(&f->lock);
    free(f);
    *feeds = NULL;
}
