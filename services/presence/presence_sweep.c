#include "services/presence/presence_sweep.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "event.pb-c.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/rpc/wire.h"

enum {
    SWEEP_MS = 1000,
    UNANNOUNCED_MS = 2000,
    OWN_PAUSE_MS = 3000, /* this process was suspended: it cannot judge which gateways were */
    HANDLED_MS = 100,    /* within which a message that was received is handled */
};

struct presence_sweep {
    struct presence_sweep_options options;
    pthread_t thread;
};

static void note_from_table(void *ctx, const char *gateway_id)
{
    gateway_watch_note(ctx, gateway_id);
}

/* False: not all, which is tried again in the next sweep. */
static bool remove_lost_gateway(struct presence_sweep *sweep, const char *gateway_id)
{
    struct presence_keys keys = presence_table_at(sweep->options.table, gateway_id);
    char **tags = presence_keys_tags(&keys);
    Messenger__GatewayLost event = MESSENGER__GATEWAY_LOST__INIT;

    if (keys.count > 0)
        log_warn("gateway %s is silent: removing its %zu users", gateway_id, keys.count);
    bool removed = presence_changer_set(sweep->options.changer, gateway_id, tags, keys.count, false,
                                        INT64_MAX) == STATUS_OK;
    if (removed) {
        gateway_watch_forget(sweep->options.gateways, gateway_id);
        /* If it is alive after all, it announces its users again. */
        event.gateway_id = wire_borrow(gateway_id);
        wire_publish(sweep->options.bus, "event.presence.gateway_lost", &event.base);
    } else {
        log_warn("could not remove all users of gateway %s; retrying", gateway_id);
    }
    free(tags);
    presence_keys_finish(&keys);
    return removed;
}

/*
 * All gateways seem silent to a process that receives nothing, and for a moment after it receives
 * again. So a request is made first: what the server has sent before its answer has been received
 * by then.
 */
static bool receives_from_bus(struct presence_sweep *sweep, const char *any_key)
{
    const struct timespec handled = { .tv_nsec = HANDLED_MS * 1000000 };
    struct bus_kv *kv = presence_bucket_borrow(sweep->options.bucket);
    struct presence_entry entry;
    uint64_t revision;

    if (kv == NULL)
        return false;
    bool answered = presence_bucket_fetch(kv, any_key, &entry, &revision) == STATUS_OK;
    presence_entry_finish(&entry);
    presence_bucket_return(sweep->options.bucket);
    if (answered)
        nanosleep(&handled, NULL);
    else
        gateway_watch_forgive(sweep->options.gateways);
    return answered;
}

/* Two instances may do this for the same event: it is then published twice, with the same number.
 * Ends at the first request that fails; the next sweep continues. */
static void announce_unannounced(struct presence_sweep *sweep)
{
    struct presence_keys keys =
        presence_table_unannounced(sweep->options.table, clock_mono_ms() - UNANNOUNCED_MS);
    struct bus_kv *kv = keys.count > 0 ? presence_bucket_borrow(sweep->options.bucket) : NULL;

    enum status status = kv != NULL ? STATUS_OK : STATUS_UNAVAILABLE;

    for (size_t i = 0; status == STATUS_OK && i < keys.count; i++) {
        struct presence_entry entry;
        uint64_t revision;
        status = presence_bucket_fetch(kv, keys.keys[i], &entry, &revision);
        if (status == STATUS_OK && !entry.announced)
            presence_announcer_add(sweep->options.announcer, keys.keys[i], &entry, revision);
        presence_entry_finish(&entry);
    }
    if (kv != NULL)
        presence_bucket_return(sweep->options.bucket);
    presence_keys_finish(&keys);
}

static void sweep_once(struct presence_sweep *sweep)
{
    char gateway_id[GATEWAY_ID_SIZE];
    struct bus_kv *kv = presence_bucket_borrow(sweep->options.bucket);

    if (kv == NULL)
        return;
    presence_bucket_return(sweep->options.bucket);
    presence_table_each_gateway(sweep->options.table, note_from_table, sweep->options.gateways);
    bool removed = true;
    while (removed && gateway_watch_find_dead(sweep->options.gateways, gateway_id) &&
           receives_from_bus(sweep, gateway_id) &&
           gateway_watch_find_dead(sweep->options.gateways, gateway_id))
        removed = remove_lost_gateway(sweep, gateway_id);
    if (removed)
        announce_unannounced(sweep);
}

static void run_sweep(void *arg)
{
    struct presence_sweep *sweep = arg;
    int64_t last = clock_mono_ms();
    struct timespec pause = { .tv_nsec = 100 * 1000000 };
    unsigned ignored;

    while (presence_bucket_connects(sweep->options.bucket, &ignored)) {
        nanosleep(&pause, NULL);
        int64_t now = clock_mono_ms();
        if (now - last < SWEEP_MS)
            continue;
        if (now - last > OWN_PAUSE_MS)
            gateway_watch_forgive(sweep->options.gateways);
        else
            sweep_once(sweep);
        last = clock_mono_ms();
    }
}

struct presence_sweep *presence_sweep_start(const struct presence_sweep_options *options)
{
    struct presence_sweep *sweep = xcalloc(1, sizeof(*sweep));

    sweep->options = *options;
    sweep->thread = thread_start("presence-sweep", run_sweep, sweep);
    return sweep;
}

void presence_sweep_join(struct presence_sweep **sweep)
{
    if (*sweep == NULL)
        return;
    pthread_join((*sweep)->thread, NULL);
    free(*sweep);
    *sweep = NULL;
}
