#include "services/presence/presence.h"

#include <stdlib.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/bus/bus_kv.h"
#include "services/presence/gateway_watch.h"
#include "services/presence/presence_announcer.h"
#include "services/presence/presence_bucket.h"
#include "services/presence/presence_changer.h"
#include "services/presence/presence_replica.h"
#include "services/presence/presence_sweep.h"

enum { NOTE_TRIES = 64 };

struct presence {
    struct presence_bucket *bucket;
    struct presence_table *table;
    struct gateway_watch *gateways;
    struct presence_announcer *announcer;
    struct presence_changer *changer;
    struct presence_replica *replica;
    struct presence_sweep *sweep;
};

/* Notes the acknowledgement in the entry, and publishes the user's next event, if there is one. A
 * conflict: the user has changed meanwhile, or another instance has noted it. */
static enum status note_acknowledged(struct presence *presence, struct bus_kv *kv, const char *key,
                                     struct presence_entry *entry, uint64_t revision)
{
    uint64_t sent = entry->sent;
    enum status status = STATUS_CONFLICT;

    for (int i = 0; i < NOTE_TRIES && status == STATUS_CONFLICT; i++) {
        if (i > 0) {
            presence_entry_finish(entry);
            status = presence_bucket_fetch(kv, key, entry, &revision);
            if (status != STATUS_OK)
                break;
        }
        if (!presence_entry_acknowledge(entry, sent))
            return STATUS_OK;
        status = presence_bucket_swap(kv, key, entry, &revision);
    }
    if (status == STATUS_OK && !entry->announced)
        presence_announcer_add(presence->announcer, key, entry, revision);
    return status;
}

static bool handle_notified(void *ctx, const char *key, struct presence_entry *entry,
                            uint64_t revision)
{
    struct presence *presence = ctx;
    struct bus_kv *kv = presence_bucket_borrow(presence->bucket);

    if (kv == NULL)
        return false; /* the mark stays, and the event is published again */
    enum status status = note_acknowledged(presence, kv, key, entry, revision);
    if (status != STATUS_OK)
        log_warn("the change of %s stays marked: %s", entry->tag, status_name(status));
    presence_bucket_return(presence->bucket);
    return status == STATUS_OK;
}

enum status presence_set(struct presence *presence, const char *gateway_id, char *const *tags,
                         size_t count, bool online, int64_t deadline_us)
{
    return presence_changer_set(presence->changer, gateway_id, tags, count, online, deadline_us);
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

/* Users that the replica shows at the gateway, but the gateway does not list. */
static enum status remove_unlisted(struct presence *presence, const char *gateway_id,
                                   struct hashmap *listed, int64_t deadline_us)
{
    struct presence_keys keys = presence_table_at(presence->table, gateway_id);
    char **tags = presence_keys_tags(&keys);
    size_t count = 0;

    for (size_t i = 0; i < keys.count; i++)
        if (hashmap_get(listed, keys.keys[i]) == NULL)
            tags[count++] = tags[i];
    enum status status =
        presence_changer_set(presence->changer, gateway_id, tags, count, false, deadline_us);
    free(tags);
    presence_keys_finish(&keys);
    return status;
}

enum status presence_announce(struct presence *presence, const char *gateway_id, char *const *tags,
                              size_t count, int64_t deadline_us)
{
    struct bus_kv *kv = presence_bucket_borrow(presence->bucket); /* the same one for all steps */
    char key[TAG_SIZE];
    size_t missing = 0;

    if (kv == NULL)
        return STATUS_UNAVAILABLE;
    /* What another instance has restored is judged, too, or it would stay until the next list. */
    enum status status = presence_bucket_catch_up(presence->bucket, kv, deadline_us);
    if (status != STATUS_OK) {
        presence_bucket_return(presence->bucket);
        return status;
    }
    struct hashmap *listed = hashmap_create();
    char **unshown = xcalloc(count, sizeof(*unshown));
    for (size_t i = 0; i < count; i++) {
        /* Entries that the replica shows already are skipped: this is a repair, and is repeated. */
        if (tag_to_key(tags[i], key) && hashmap_put(listed, key, tags[i]) == NULL &&
            !shown_at(presence, key, gateway_id))
            unshown[missing++] = tags[i];
    }
    status =
        presence_changer_set(presence->changer, gateway_id, unshown, missing, true, deadline_us);
    if (status == STATUS_OK)
        status = remove_unlisted(presence, gateway_id, listed, deadline_us);
    free(unshown);
    hashmap_destroy(&listed);
    presence_bucket_return(presence->bucket);
    return status;
}

bool presence_is_ready(struct presence *presence)
{
    return presence_bucket_is_known(presence->bucket);
}

bool presence_is_online(struct presence *presence, const char *tag, uint64_t *change_out)
{
    char key[TAG_SIZE];

    *change_out = 0;
    return tag_to_key(tag, key) && presence_table_is_online(presence->table, key, change_out);
}

bool presence_last_event(struct presence *presence, const char *tag, uint64_t *change_out,
                         bool *online_out)
{
    struct presence_entry entry;
    uint64_t revision;
    char key[TAG_SIZE];

    if (!tag_to_key(tag, key) || !presence_table_get(presence->table, key, &entry, &revision))
        return false;
    *change_out = entry.sent;
    *online_out = entry.sent_online;
    presence_entry_finish(&entry);
    return true;
}

void presence_bus_connected(struct presence *presence)
{
    presence_bucket_connected(presence->bucket);
}

/* --- life -------------------------------------------------------------------------------- */

static void start_threads(struct presence *presence, struct bus *bus, int64_t replicas)
{
    struct presence_replica_options replica = {
        .bus = bus,
        .replicas = replicas,
        .bucket = presence->bucket,
        .table = presence->table,
        .gateways = presence->gateways,
    };
    struct presence_sweep_options sweep = {
        .bus = bus,
        .bucket = presence->bucket,
        .table = presence->table,
        .gateways = presence->gateways,
        .announcer = presence->announcer,
        .changer = presence->changer,
    };

    presence->replica = presence_replica_start(&replica);
    presence->sweep = presence_sweep_start(&sweep);
}

enum status presence_start(struct bus *bus, int64_t replicas, struct presence **presence_out)
{
    struct gateway_watch *gateways;

    enum status status = gateway_watch_start(bus, &gateways);
    if (status != STATUS_OK)
        return status;
    struct presence *presence = xcalloc(1, sizeof(*presence));
    presence->gateways = gateways;
    presence->bucket = presence_bucket_create();
    presence->table = presence_table_create();
    struct presence_announcer_options announcer = { bus, handle_notified, presence };
    presence->announcer = presence_announcer_create(&announcer);
    struct presence_changer_options changer = { presence->bucket, presence->table,
                                                presence->announcer };
    presence->changer = presence_changer_create(&changer);
    start_threads(presence, bus, replicas);
    *presence_out = presence;
    return STATUS_OK;
}

void presence_stop(struct presence **presence)
{
    struct presence *p = *presence;

    if (p == NULL)
        return;
    presence_bucket_stop(p->bucket);
    presence_sweep_join(&p->sweep);
    presence_replica_join(&p->replica);
    presence_changer_destroy(&p->changer);
    presence_announcer_destroy(&p->announcer);
    gateway_watch_stop(&p->gateways);
    presence_table_destroy(&p->table);
    presence_bucket_destroy(&p->bucket);
    free(p);
    *presence = NULL;
}
