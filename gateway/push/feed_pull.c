#include "gateway/push/feed_pull.h"

#include <inttypes.h>
#include <string.h>

#include "gateway/push/feed_source.h"
#include "gateway/socket/lock_rank.h"
#include "services/common/base/backoff.h"
#include "services/common/base/clock.h"
#include "services/common/base/lock_order.h"
#include "services/common/base/log.h"
#include "services/common/rpc/wire.h"

enum { FRUITLESS_MAX = 8 /* pulls without a result before a hole is given up: some seconds */ };

enum pulled { PULLED_ALL, PULLED_SOME, PULLED_NOTHING };

static enum pulled fill_feed(struct user_feed *user, const Messenger__ChangeList *changes)
{
    struct feed_outlet outlet = feed_table_outlet(user);
    enum pulled result = PULLED_ALL;

    lock_order_lock(&user->lock, LOCK_RANK_FEED);
    uint64_t before = user->feed.position;
    bool all =
        feed_fill(&user->feed, changes->changes, changes->n_changes, changes->position, &outlet);
    if (feed_has_hole(&user->feed) || changes->more)
        result = !all || user->feed.position > before ? PULLED_SOME : PULLED_NOTHING;
    lock_order_unlock(&user->lock, LOCK_RANK_FEED);
    log_debug("pulled %zu changes of @%s after %" PRIu64, changes->n_changes, user->key, before);
    return result;
}

/* The store does not have what follows: the user's clients must read their lists again. */
static void reset_feed(struct user_feed *user)
{
    struct feed_table *table = user->table;

    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    bool closed = user->closed;
    user->known = false;
    feed_table_set_due_locked(user, 0);
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
    if (closed)
        return;
    log_warn("what @%s has missed is unknown: closing its sockets", user->key);
    feed_table_forget(user);
    table->sink.lose(table->sink.ctx, user->key);
}

static enum status pull_once(struct user_feed *user, enum pulled *result_out)
{
    struct feed_table *table = user->table;
    Messenger__ChangeList *changes;
    char epoch[FEED_EPOCH_SIZE];

    *result_out = PULLED_ALL;
    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    bool closed = user->closed;
    memcpy(epoch, table->epoch, sizeof(epoch));
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
    if (closed)
        return STATUS_OK;
    lock_order_lock(&user->lock, LOCK_RANK_FEED);
    uint64_t since = feed_pulls_after(&user->feed);
    lock_order_unlock(&user->lock, LOCK_RANK_FEED);
    enum status status = feed_source_changes(table->bus, user->key, epoch, since, &changes);
    if (status != STATUS_OK)
        return status;
    if (feed_table_check_epoch(table, changes->epoch)) {
        if (changes->reset)
            reset_feed(user);
        else
            *result_out = fill_feed(user, changes);
    }
    wire_free(changes);
    return STATUS_OK;
}

/* The store repeatedly has nothing of what is missing: better a hole than silence. */
static void give_up_hole(struct user_feed *user)
{
    struct feed_outlet outlet = feed_table_outlet(user);

    lock_order_lock(&user->lock, LOCK_RANK_FEED);
    log_error("@%s: the store has nothing between %" PRIu64 " and %" PRIu64 "; continuing without",
              user->key, user->feed.position, user->feed.newest);
    feed_skip_hole(&user->feed, &outlet);
    lock_order_unlock(&user->lock, LOCK_RANK_FEED);
}

/* Whether the next page may be pushed. A slow socket delays the others for a short time only. */
static bool is_calm(struct user_feed *user)
{
    const struct feed_sink *sink = &user->table->sink;
    int64_t now = clock_mono_ms();
    size_t calm = 0, busy = 0;

    sink->count_calm(sink->ctx, user->key, &calm, &busy);
    if (busy == 0)
        user->busy_since_ms = 0;
    else if (user->busy_since_ms == 0)
        user->busy_since_ms = now;
    return busy == 0 || (calm > 0 && now - user->busy_since_ms > FEED_PULL_PATIENCE_MS);
}

static void end_pull(struct user_feed *user, int64_t wait_ms)
{
    struct feed_table *table = user->table;

    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    user->pulling = false;
    feed_table_set_due_locked(user, user->due_again ? 0 : clock_mono_ms() + wait_ms);
    feed_table_release_locked(user);
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
}

/* The wait until the next check after a pull with this result. */
static int64_t note_pulled(struct user_feed *user, enum status status, enum pulled result)
{
    struct feed_table *table = user->table;
    bool fruitless = status != STATUS_OK || result == PULLED_NOTHING;

    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    user->failures = fruitless ? user->failures + 1 : 0;
    int64_t wait_ms = fruitless
                          ? backoff_pause(user->failures, FEED_RETRY_MIN_MS, FEED_RETRY_MAX_MS)
                          : backoff_on_grid(FEED_CHECK_MS, FEED_CHECK_GRID_MS);
    bool give_up = status == STATUS_OK && user->failures > FRUITLESS_MAX;
    if (give_up)
        user->failures = 0;
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
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
            end_pull(user, FEED_GRACE_MS);
            return;
        }
        status = pull_once(user, &result);
    }
    end_pull(user, note_pulled(user, status, result));
}

void feed_pull_begin(struct user_feed *user_take, struct workpool *pool)
{
    struct user_feed *user = user_take;
    struct feed_table *table = user->table;

    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    user->pulling = true;
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
    if (workpool_submit(pool, run_pull, user))
        return;
    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    user->pulling = false;
    feed_table_set_due_locked(user, clock_mono_ms() + FEED_RETRY_MIN_MS);
    feed_table_release_locked(user);
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
}
