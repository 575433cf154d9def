#include "services/presence/presence_replica.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "event.pb-c.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/base/workpool.h"
#include "services/common/bus/bus_kv.h"
#include "services/common/rpc/wire.h"
#include "services/presence/bucket_check.h"

#define BUCKET "presence"

enum {
    WATCH_WAIT_MS = 250,
    SNAPSHOT_WAIT_MS = 2000, /* for the next entry */
    REOPEN_WAIT_MS = 250,
    NOT_OPEN_WARN_MS = 10000,
    WRITERS = 16,                                 /* each waits for the bus most of the time */
    RESTORED_US = 60 * 60 * 1000 * INT64_C(1000), /* gateways look back as far: resync.c */
};

struct presence_replica {
    struct presence_replica_options options;
    struct workpool *writers;
    pthread_t thread;
};

/* An open bucket, and the watch that continues its snapshot. */
struct following {
    struct bus_kv *kv;
    struct bus_kv_watch *watch;
    struct bucket_check check;
    uint64_t seen; /* the newest revision that the watch has reported */
    unsigned connects;
    int64_t looked_ms;
};

/* A key without a usable value is kept as a user who is offline, so that the bucket and its replica
 * have the same keys. */
static void take_change(struct following *following, struct presence_table *table,
                        const struct bus_kv_change *change_seen)
{
    struct presence_entry entry;

    if (!presence_entry_unpack(change_seen->value, change_seen->length, &entry) ||
        change_seen->is_deleted)
        entry.announced = true;
    presence_table_put(table, change_seen->key, change_seen->revision, clock_mono_ms(), &entry);
    if (change_seen->revision > following->seen)
        following->seen = change_seen->revision;
}

/* Reads the whole bucket into `table`. */
static enum status read_snapshot(struct following *following, struct presence_table *table)
{
    struct bus_kv_change seen;
    enum status status;

    while ((status = bus_kv_watch_next(following->watch, SNAPSHOT_WAIT_MS, &seen)) == STATUS_OK &&
           !seen.is_initial_end)
        take_change(following, table, &seen);
    return status;
}

/* --- what the bucket has lost -------------------------------------------------------------- */

struct restoring {
    struct bus_kv *kv;
    struct presence_table *before, *now;
    struct presence_keys keys;
    atomic_size_t restored;
    atomic_bool failed;
};

/* Writes the entry that was, unless the bucket has a newer one. On a conflict another instance has
 * written it. */
static void restore_one(void *ctx, size_t index)
{
    struct restoring *restoring = ctx;
    const char *key = restoring->keys.keys[index];
    struct presence_entry entry, current = { .tag = "" };
    uint64_t revision, current_revision = 0;
    enum status status = STATUS_OK;

    if (atomic_load(&restoring->failed) ||
        !presence_table_get(restoring->before, key, &entry, &revision))
        return;
    bool exists = presence_table_get(restoring->now, key, &current, &current_revision);
    if (!exists || current.change < entry.change) {
        status = presence_bucket_swap(restoring->kv, key, &entry, &current_revision);
        if (status == STATUS_OK) {
            presence_table_put(restoring->now, key, current_revision, clock_mono_ms(), &entry);
            atomic_fetch_add(&restoring->restored, 1);
        }
    }
    if (status != STATUS_OK && status != STATUS_CONFLICT)
        atomic_store(&restoring->failed, true);
    presence_entry_finish(&current);
    presence_entry_finish(&entry);
}

/*
 * The bucket lives in the server's memory. When it has lost entries, those of the replica are
 * restored before any change is allowed. Users that stayed online are then not announced a second
 * time, and users that left meanwhile are announced as offline once their gateways have listed the
 * users they hold.
 */
static enum status restore_lost(struct presence_replica *replica, struct bus_kv *kv,
                                struct presence_table *now)
{
    uint64_t after = (uint64_t)(clock_wall_ms() * 1000 - RESTORED_US);
    struct restoring restoring = { .kv = kv, .before = replica->options.table, .now = now };

    restoring.keys = presence_table_worth_restoring(restoring.before, after);
    workpool_share(replica->writers, restoring.keys.count, restore_one, &restoring);
    if (atomic_load(&restoring.restored) > 0)
        log_info("restored %zu users that the bucket lacked", atomic_load(&restoring.restored));
    presence_keys_finish(&restoring.keys);
    return atomic_load(&restoring.failed) ? STATUS_UNAVAILABLE : STATUS_OK;
}

/* --- opening ------------------------------------------------------------------------------- */

static void close_bucket(struct following *following)
{
    bus_kv_unwatch(&following->watch);
    bus_kv_close(&following->kv);
}

/* Opens the bucket and reads all of it into `fresh`. */
static enum status read_bucket(struct presence_replica *replica, struct following *following,
                               struct presence_table *fresh)
{
    struct bus_kv_state opened;

    enum status status =
        bus_kv_open(replica->options.bus, BUCKET, replica->options.replicas, &following->kv);
    if (status == STATUS_OK)
        status = bus_kv_look(following->kv, &opened);
    if (status == STATUS_OK)
        status = bus_kv_watch(following->kv, &following->watch);
    if (status == STATUS_OK) {
        following->seen = opened.last; /* the snapshot shows less when the newest was removed */
        bucket_check_begin(&following->check, &opened);
        status = read_snapshot(following, fresh);
    }
    return status;
}

/* A change that was written just before the bucket was lost may be known to its gateway only. */
static void request_reports(struct presence_replica *replica)
{
    Messenger__GatewayLost all = MESSENGER__GATEWAY_LOST__INIT;

    wire_publish(replica->options.bus, "event.presence.gateway_lost", &all.base);
}

static enum status open_bucket(struct presence_replica *replica, struct following *following)
{
    struct presence_table *fresh = presence_table_create();

    enum status status = read_bucket(replica, following, fresh);
    if (status == STATUS_OK)
        status = restore_lost(replica, following->kv, fresh);
    if (status == STATUS_OK) {
        presence_table_exchange(replica->options.table, fresh);
        gateway_watch_forgive(replica->options.gateways);
        presence_bucket_open(replica->options.bucket, following->kv, following->connects,
                             following->seen);
        following->looked_ms = clock_mono_ms();
        log_info("the bucket \"%s\" is open", BUCKET);
        request_reports(replica);
    } else {
        close_bucket(following);
    }
    presence_table_destroy(&fresh);
    return status;
}

/* --- following ----------------------------------------------------------------------------- */

/* Once in BUCKET_CHECK_MS, also while changes arrive. */
static bool is_lost(struct presence_replica *replica, struct following *following)
{
    struct bus_kv_state state;

    if (clock_mono_ms() - following->looked_ms < BUCKET_CHECK_MS)
        return false;
    enum status status = bus_kv_look(following->kv, &state);
    following->looked_ms = clock_mono_ms();
    struct presence_extent extent = presence_table_extent(replica->options.table);
    const char *why =
        bucket_check_look(&following->check, status, &state, &extent, following->seen);
    if (why != NULL)
        log_warn("the bucket \"%s\" must be opened again: %s", BUCKET, why);
    return why != NULL;
}

/* False: the bucket must be opened again. */
static bool follow_once(struct presence_replica *replica, struct following *following)
{
    struct bus_kv_change seen;

    enum status status = bus_kv_watch_next(following->watch, WATCH_WAIT_MS, &seen);
    if (status != STATUS_OK && status != STATUS_DEADLINE_EXCEEDED)
        return false;
    if (status == STATUS_OK && seen.is_deleted) {
        log_warn("the key %s of the bucket was deleted", seen.key);
        return false;
    }
    if (status == STATUS_OK && !seen.is_initial_end) {
        take_change(following, replica->options.table, &seen);
        presence_bucket_note_seen(replica->options.bucket, following->seen);
    }
    return !is_lost(replica, following);
}

/* Until the bus reconnects, the bucket is lost, or the process stops. */
static void follow_bucket(struct presence_replica *replica, struct following *following)
{
    unsigned now = following->connects;

    while (presence_bucket_connects(replica->options.bucket, &now) && now == following->connects &&
           follow_once(replica, following))
        continue;
}

/* A NATS cluster may need time to elect a leader or to reach enough servers: retried for ever. */
static void warn_now_and_then(int64_t *warned_ms)
{
    if (clock_mono_ms() - *warned_ms < NOT_OPEN_WARN_MS)
        return;
    log_warn("the bucket \"%s\" cannot be opened: no leader yet, or fewer NATS servers than "
             "nats.replicas; retrying",
             BUCKET);
    *warned_ms = clock_mono_ms();
}

static void run_replica(void *arg)
{
    struct presence_replica *replica = arg;
    struct following following = { .kv = NULL };
    int64_t warned_ms = clock_mono_ms();

    while (presence_bucket_connects(replica->options.bucket, &following.connects)) {
        /* Not before the first connection has been reported: it would count as a reconnect. */
        if (following.connects == 0 || !bus_is_connected(replica->options.bus) ||
            open_bucket(replica, &following) != STATUS_OK) {
            warn_now_and_then(&warned_ms);
            presence_bucket_wait(replica->options.bucket, REOPEN_WAIT_MS);
            continue;
        }
        follow_bucket(replica, &following);
        warned_ms = clock_mono_ms();
        presence_bucket_withdraw(replica->options.bucket);
        close_bucket(&following);
    }
}

struct presence_replica *presence_replica_start(const struct presence_replica_options *options)
{
    struct presence_replica *replica = xcalloc(1, sizeof(*replica));
    struct workpool_options writers = {
        .name = "presence-write",
        .threads = WRITERS,
        .queue_max = WRITERS,
    };

    replica->options = *options;
    replica->writers = workpool_create(&writers);
    replica->thread = thread_start("presence-watch", run_replica, replica);
    return replica;
}

void presence_replica_join(struct presence_replica **replica)
{
    if (*replica == NULL)
        return;
    pthread_join((*replica)->thread, NULL);
    workpool_destroy(&(*replica)->writers);
    free(*replica);
    *replica = NULL;
}
