#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/presence/presence.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event.pb-c.h"
#include "services/common/base/thread.h"
#include "services/common/bus/bus_kv.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/presence/presence_announcer.h"
#include "services/presence/presence_bucket.h"
#include "services/presence/presence_changer.h"
#include "services/presence/gateway_watch.h"

#define BUCKET "presence"

enum {
    WATCH_WAIT_MS = 500,
    REOPEN_WAIT_MS = 250,
    NOT_OPEN_WARN_MS = 10000,
    SWEEP_MS = 1000,
    UNANNOUNCED_MS = 2000,
    OWN_PAUSE_MS = 3000, /* this process stood still: it cannot judge who else did */
};

struct presence {
    struct bus *bus;
    int64_t replicas;
    struct presence_bucket *bucket;
    struct presence_table *table;
    struct gateway_watch *gateways;
    struct presence_announcer *announcer;
    struct presence_changer *changer;
    pthread_t watch_thread, sweep_thread;
};

/* --- changes ----------------------------------------------------------------------------- */

/* A change has been told: takes the mark "not announced" off. */
static void handle_notified(void *ctx, const char *key, struct presence_entry *entry,
                            uint64_t revision)
{
    struct presence *presence = ctx;
    struct bus_kv *kv = presence_bucket_borrow(presence->bucket);

    if (kv == NULL)
        return; /* the mark stays, and the change is told once more */
    entry->announced = true;
    /* On a conflict somebody has changed the entry since, and looks after its mark. */
    enum status status = presence_bucket_swap(kv, key, entry, &revision);
    if (status != STATUS_OK && status != STATUS_CONFLICT)
        log_warn("the change of %s stays marked: %s", entry->tag, status_name(status));
    presence_bucket_return(presence->bucket);
}

enum status presence_set(struct presence *presence, const char *gateway_id, char *const *tags,
                         size_t count, bool online)
{
    struct bus_kv *kv = presence_bucket_borrow(presence->bucket);

    if (kv == NULL)
        return STATUS_UNAVAILABLE;
    enum status status =
        presence_changer_set(presence->changer, kv, gateway_id, tags, count, online);
    presence_bucket_return(presence->bucket);
    return status;
}

/* The tags of keys, in one piece that the caller frees. */
static char **tags_of(const struct presence_keys *keys)
{
    char **tags = xmalloc(keys->count * (sizeof(*tags) + TAG_SIZE + 1) + 1);
    char *text = (char *)(tags + keys->count);

    for (size_t i = 0; i < keys->count; i++, text += TAG_SIZE + 1) {
        snprintf(text, TAG_SIZE + 1, "@%s", keys->keys[i]);
        tags[i] = text;
    }
    return tags;
}

static bool shown_at(struct presence *presence, const char *key, const char *gateway_id)
{
    struct presence_entry entry;
    uint64_t revision;

    if (!presence_table_get(presence->table, key, &entry, &revision))
        return false;
    bool shown = presence_entry_has(&entry, gateway_id);
    presence_entry_finish(&entry);
    return shown;
}

/* Users whom the replica shows at the gateway though it does not list them. */
static enum status remove_unlisted(struct presence *presence, struct bus_kv *kv,
                                   const char *gateway_id, struct hashmap *listed)
{
    struct presence_keys keys = presence_table_at(presence->table, gateway_id);
    char **tags = tags_of(&keys);
    size_t count = 0;

    for (size_t i = 0; i < keys.count; i++)
        if (hashmap_get(listed, keys.keys[i]) == NULL)
            tags[count++] = tags[i];
    enum status status =
        presence_changer_set(presence->changer, kv, gateway_id, tags, count, false);
    free(tags);
    presence_keys_finish(&keys);
    return status;
}

enum status presence_announce(struct presence *presence, const char *gateway_id, char *const *tags,
                              size_t count)
{
    struct bus_kv *kv = presence_bucket_borrow(presence->bucket);
    char key[TAG_SIZE];
    size_t missing = 0;

    if (kv == NULL)
        return STATUS_UNAVAILABLE;
    struct hashmap *listed = hashmap_create();
    char **unshown = xcalloc(count, sizeof(*unshown));
    for (size_t i = 0; i < count; i++) {
        /* What the replica already shows is left alone: this is repair, and comes again. */
        if (tag_to_key(tags[i], key) && hashmap_put(listed, key, tags[i]) == NULL &&
            !shown_at(presence, key, gateway_id))
            unshown[missing++] = tags[i];
    }
    enum status status =
        presence_changer_set(presence->changer, kv, gateway_id, unshown, missing, true);
    if (status == STATUS_OK)
        status = remove_unlisted(presence, kv, gateway_id, listed);
    free(unshown);
    hashmap_destroy(&listed);
    presence_bucket_return(presence->bucket);
    return status;
}

bool presence_is_ready(struct presence *presence)
{
    return presence_bucket_is_open(presence->bucket);
}

bool presence_is_online(struct presence *presence, const char *tag)
{
    char key[TAG_SIZE];
    return tag_to_key(tag, key) && presence_table_is_online(presence->table, key);
}

bool presence_look_up(struct presence *presence, const char *tag, uint64_t *change_out,
                      bool *online_out)
{
    struct presence_entry entry;
    uint64_t revision;
    char key[TAG_SIZE];

    if (!tag_to_key(tag, key) || !presence_table_get(presence->table, key, &entry, &revision))
        return false;
    *change_out = entry.change;
    *online_out = entry.gateway_count > 0;
    presence_entry_finish(&entry);
    return true;
}

/* --- the replica ------------------------------------------------------------------------- */

void presence_bus_connected(struct presence *presence)
{
    presence_bucket_connected(presence->bucket);
}

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
 * The bucket lives in the server's memory. When the server comes back empty, what this replica
 * knew goes in again before anybody may change anything: so users who stayed are not announced a
 * second time, and those who left meanwhile are, when their gateways say whom they hold.
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
        log_info("put %zu users back into an empty bucket", restored);
    presence_keys_finish(&keys);
}

/* Opens the bucket and brings the replica up to date; the watch goes on from there. */
static enum status open_bucket(struct presence *presence, unsigned connects,
                               struct bus_kv_watch **watch_out)
{
    struct presence_table *fresh = presence_table_create();
    struct bus_kv *kv = NULL;
    struct bus_kv_watch *watch = NULL;

    enum status status = bus_kv_open(presence->bus, BUCKET, presence->replicas, &kv);
    if (status == STATUS_OK)
        status = bus_kv_watch(kv, &watch);
    if (status == STATUS_OK)
        status = read_snapshot(watch, fresh);
    if (status == STATUS_OK) {
        restore_lost(kv, presence->table, fresh);
        presence_table_exchange(presence->table, fresh);
        gateway_watch_forgive(presence->gateways);
        presence_bucket_open(presence->bucket, kv, connects);
        *watch_out = watch;
    } else {
        bus_kv_unwatch(&watch);
        bus_kv_close(&kv);
    }
    presence_table_destroy(&fresh);
    return status;
}

static bool is_behind(struct presence *presence, struct bus_kv_watch *watch)
{
    struct bus_kv *kv = presence_bucket_borrow(presence->bucket);

    if (kv == NULL)
        return false;
    bool behind = bus_kv_watch_is_behind(kv, watch);
    presence_bucket_return(presence->bucket);
    return behind;
}

/* Follows the bucket until the bus reconnects, the watch breaks, or the process stops. */
static void follow_bucket(struct presence *presence, struct bus_kv_watch *watch, unsigned connects)
{
    struct bus_kv_change seen;
    unsigned now = connects;

    while (presence_bucket_connects(presence->bucket, &now) && now == connects) {
        enum status status = bus_kv_watch_next(watch, WATCH_WAIT_MS, &seen);
        if (status == STATUS_OK && !seen.is_initial_end)
            take_change(presence->table, &seen);
        else if (status != STATUS_OK && status != STATUS_DEADLINE_EXCEEDED)
            break;
        else if (status == STATUS_DEADLINE_EXCEEDED && is_behind(presence, watch)) {
            log_warn("the bucket has changes that were not told; opening it anew");
            break;
        }
    }
}

/* A cluster of NATS may take its time, for a leader or for enough servers: tried until it works. */
static void warn_now_and_then(int64_t *warned_ms)
{
    if (clock_mono_ms() - *warned_ms < NOT_OPEN_WARN_MS)
        return;
    log_warn("the bucket \"%s\" cannot be opened: no leader yet, or fewer NATS servers than "
             "nats.replicas; trying on",
             BUCKET);
    *warned_ms = clock_mono_ms();
}

static void run_watch(void *arg)
{
    struct presence *presence = arg;
    struct bus_kv_watch *watch = NULL;
    unsigned connects;
    int64_t warned_ms = clock_mono_ms();

    while (presence_bucket_connects(presence->bucket, &connects)) {
        /* Not before we were told of the first connection: it would look like another one. */
        if (connects == 0 || !bus_is_connected(presence->bus) ||
            open_bucket(presence, connects, &watch) != STATUS_OK) {
            warn_now_and_then(&warned_ms);
            presence_bucket_wait(presence->bucket, REOPEN_WAIT_MS);
            continue;
        }
        log_info("the bucket \"%s\" is open", BUCKET);
        follow_bucket(presence, watch, connects);
        warned_ms = clock_mono_ms();
        struct bus_kv *kv = presence_bucket_withdraw(presence->bucket);
        bus_kv_unwatch(&watch);
        bus_kv_close(&kv);
    }
}

/* --- gateways that died, changes that were not announced --------------------------------- */

static void note_from_table(void *ctx, const char *gateway_id)
{
    gateway_watch_note(ctx, gateway_id);
}

static void bury_gateway(struct presence *presence, const char *gateway_id)
{
    struct presence_keys keys = presence_table_at(presence->table, gateway_id);
    char **tags = tags_of(&keys);
    Messenger__GatewayLost event = MESSENGER__GATEWAY_LOST__INIT;

    if (keys.count > 0)
        log_warn("gateway %s is silent: %zu users leave it", gateway_id, keys.count);
    if (presence_set(presence, gateway_id, tags, keys.count, false) != STATUS_OK)
        log_warn("not all users could be taken off gateway %s; tried again", gateway_id);
    /* Should it live after all, it announces its users again. */
    event.gateway_id = wire_borrow(gateway_id);
    wire_publish(presence->bus, "event.presence.gateway_lost", &event.base);
    free(tags);
    presence_keys_finish(&keys);
}

/* Two instances may be at it, then a change is told twice; it says which it is. */
static void announce_forgotten(struct presence *presence)
{
    struct presence_keys keys =
        presence_table_unannounced(presence->table, clock_mono_ms() - UNANNOUNCED_MS);
    struct bus_kv *kv = keys.count > 0 ? presence_bucket_borrow(presence->bucket) : NULL;

    for (size_t i = 0; kv != NULL && i < keys.count; i++) {
        struct presence_entry entry;
        uint64_t revision;
        if (presence_bucket_fetch(kv, keys.keys[i], &entry, &revision) == STATUS_OK &&
            !entry.announced)
            presence_announcer_add(presence->announcer, keys.keys[i], &entry, revision);
        presence_entry_finish(&entry);
    }
    if (kv != NULL)
        presence_bucket_return(presence->bucket);
    presence_keys_finish(&keys);
}

static void sweep_gateways(struct presence *presence)
{
    char gateway_id[GATEWAY_ID_SIZE];
    struct bus_kv *kv = presence_bucket_borrow(presence->bucket);

    if (kv == NULL)
        return;
    presence_bucket_return(presence->bucket);
    presence_table_each_gateway(presence->table, note_from_table, presence->gateways);
    while (gateway_watch_take_dead(presence->gateways, gateway_id))
        bury_gateway(presence, gateway_id);
    announce_forgotten(presence);
}

static void run_sweep(void *arg)
{
    struct presence *presence = arg;
    int64_t last = clock_mono_ms();
    struct timespec pause = { .tv_nsec = 100 * 1000000 };
    unsigned ignored;

    while (presence_bucket_connects(presence->bucket, &ignored)) {
        nanosleep(&pause, NULL);
        int64_t now = clock_mono_ms();
        if (now - last < SWEEP_MS)
            continue;
        if (now - last > OWN_PAUSE_MS)
            gateway_watch_forgive(presence->gateways);
        else
            sweep_gateways(presence);
        last = clock_mono_ms();
    }
}

/* --- life -------------------------------------------------------------------------------- */

enum status presence_start(struct bus *bus, int64_t replicas, struct presence **presence_out)
{
    struct gateway_watch *gateways;

    enum status status = gateway_watch_start(bus, &gateways);
    if (status != STATUS_OK)
        return status;
    struct presence *presence = xcalloc(1, sizeof(*presence));
    presence->bus = bus;
    presence->replicas = replicas;
    presence->gateways = gateways;
    presence->bucket = presence_bucket_create();
    presence->table = presence_table_create();
    struct presence_announcer_options announcer = { bus, handle_notified, presence };
    presence->announcer = presence_announcer_create(&announcer);
    struct presence_changer_options changer = { presence->bucket, presence->table,
                                                presence->announcer };
    presence->changer = presence_changer_create(&changer);
    presence->watch_thread = thread_start("presence-watch", run_watch, presence);
    presence->sweep_thread = thread_start("presence-sweep", run_sweep, presence);
    *presence_out = presence;
    return STATUS_OK;
}

void presence_stop(struct presence **presence)
{
    struct presence *p = *presence;

    if (p == NULL)
        return;
    presence_bucket_stop(p->bucket);
    pthread_join(p->sweep_thread, NULL);
    pthread_join(p->watch_thread, NULL);
    presence_changer_destroy(&p->changer);
    presence_announcer_destroy(&p->announcer);
    gateway_watch_stop(&p->gateways);
    presence_table_destroy(&p->table);
    presence_bucket_destroy(&p->bucket);
    free(p);
    *presence = NULL;
}
