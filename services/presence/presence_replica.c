#include "services/presence/presence_replica.h"

#include <pthread.h>
#include <stdlib.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/bus/bus_kv.h"

#define BUCKET "presence"

enum {
    WATCH_WAIT_MS = 500,
    REOPEN_WAIT_MS = 250,
    NOT_OPEN_WARN_MS = 10000,
};

struct presence_replica {
    struct presence_replica_options options;
    pthread_t thread;
};

static void take_change(struct presence_table *table, const struct bus_kv_change *change_seen)
{
    struct presence_entry entry;

    if (presence_entry_unpack(change_seen->value, change_seen->length, &entry))
        presence_table_put(table, change_seen->key, change_seen->revision, clock_mono_ms(), &entry);
}

/* Reads the whole bucket into `table`. */
static enum status read_snapshot(struct bus_kv_watch *watch, struct presence_table *table)
{
    struct bus_kv_change seen;
    enum status status;

    while ((status = bus_kv_watch_next(watch, REOPEN_WAIT_MS * 20, &seen)) == STATUS_OK &&
           !seen.is_initial_end)
        take_change(table, &seen);
    return status;
}

/*
 * The bucket lives in the server's memory. When the server returns with an empty bucket, the
 * replica's entries are restored before any change is allowed. Users that stayed online are then
 * not announced a second time, and users that left meanwhile are announced as offline once their
 * gateways have listed the users they hold.
 */
static void restore_lost(struct bus_kv *kv, struct presence_table *before,
                         struct presence_table *now)
{
    struct presence_keys keys = presence_table_at(before, NULL);
    size_t restored = 0;

    for (size_t i = 0; i < keys.count; i++) {
        struct presence_entry entry, current;
        uint64_t revision;
        if (presence_table_get(now, keys.keys[i], &current, &revision)) {
            presence_entry_finish(&current);
            continue;
        }
        if (!presence_table_get(before, keys.keys[i], &entry, &revision))
            continue;
        revision = 0;
        if (presence_bucket_swap(kv, keys.keys[i], &entry, &revision) == STATUS_OK) {
            restored++;
            presence_table_put(now, keys.keys[i], revision, clock_mono_ms(), &entry);
        }
        presence_entry_finish(&entry);
    }
    if (restored > 0)
        log_info("restored %zu users in an empty bucket", restored);
    presence_keys_finish(&keys);
}

/* Opens the bucket and reads all of it; the watch continues from there. */
static enum status open_bucket(struct presence_replica *replica, unsigned connects,
                               struct bus_kv_watch **watch_out)
{
    struct presence_table *fresh = presence_table_create();
    struct bus_kv *kv = NULL;
    struct bus_kv_watch *watch = NULL;

    enum status status = bus_kv_open(replica->options.bus, BUCKET, replica->options.replicas, &kv);
    if (status == STATUS_OK)
        status = bus_kv_watch(kv, &watch);
    if (status == STATUS_OK)
        status = read_snapshot(watch, fresh);
    if (status == STATUS_OK) {
        restore_lost(kv, replica->options.table, fresh);
        presence_table_exchange(replica->options.table, fresh);
        gateway_watch_forgive(replica->options.gateways);
        presence_bucket_open(replica->options.bucket, kv, connects);
        *watch_out = watch;
    } else {
        bus_kv_unwatch(&watch);
        bus_kv_close(&kv);
    }
    presence_table_destroy(&fresh);
    return status;
}

static bool is_behind(struct presence_replica *replica, struct bus_kv_watch *watch)
{
    struct bus_kv *kv = presence_bucket_borrow(replica->options.bucket);

    if (kv == NULL)
        return false;
    bool behind = bus_kv_watch_is_behind(kv, watch);
    presence_bucket_return(replica->options.bucket);
    return behind;
}

/* Follows the bucket until the bus reconnects, the watch breaks, or the process stops. */
static void follow_bucket(struct presence_replica *replica, struct bus_kv_watch *watch,
                          unsigned connects)
{
    struct bus_kv_change seen;
    unsigned now = connects;

    while (presence_bucket_connects(replica->options.bucket, &now) && now == connects) {
        enum status status = bus_kv_watch_next(watch, WATCH_WAIT_MS, &seen);
        if (status == STATUS_OK && !seen.is_initial_end)
            take_change(replica->options.table, &seen);
        else if (status != STATUS_OK && status != STATUS_DEADLINE_EXCEEDED)
            break;
        else if (status == STATUS_DEADLINE_EXCEEDED && is_behind(replica, watch)) {
            log_warn("the watch of the bucket has missed changes; opening it again");
            break;
        }
    }
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
    struct bus_kv_watch *watch = NULL;
    unsigned connects;
    int64_t warned_ms = clock_mono_ms();

    while (presence_bucket_connects(replica->options.bucket, &connects)) {
        /* Not before the first connection has been reported: it would count as a reconnect. */
        if (connects == 0 || !bus_is_connected(replica->options.bus) ||
            open_bucket(replica, connects, &watch) != STATUS_OK) {
            warn_now_and_then(&warned_ms);
            presence_bucket_wait(replica->options.bucket, REOPEN_WAIT_MS);
            continue;
        }
        log_info("the bucket \"%s\" is open", BUCKET);
        follow_bucket(replica, watch, connects);
        warned_ms = clock_mono_ms();
        struct bus_kv *kv = presence_bucket_withdraw(replica->options.bucket);
        bus_kv_unwatch(&watch);
        bus_kv_close(&kv);
    }
}

struct presence_replica *presence_replica_start(const struct presence_replica_options *options)
{
    struct presence_replica *replica = xcalloc(1, sizeof(*replica));

    replica->options = *options;
    replica->thread = thread_start("presence-watch", run_replica, replica);
    return replica;
}

void presence_replica_join(struct presence_replica **replica)
{
    if (*replica == NULL)
        return;
    pthread_join((*replica)->thread, NULL);
    free(*replica);
    *replica = NULL;
}
