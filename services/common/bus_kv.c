#include "services/common/bus_kv.h"

#include <stdlib.h>

#include "services/common/bus_internal.h"
#include "services/common/memory.h"

struct bus_kv {
    jsCtx *jetstream;
    kvStore *store;
};

struct bus_kv_watch {
    kvWatcher *watcher;
    kvEntry *current; /* what the last change borrows from */
};

enum status bus_kv_open(struct bus *bus, const char *bucket, struct bus_kv **kv_out)
{
    struct bus_kv *kv = xcalloc(1, sizeof(*kv));
    kvConfig config;

    kvConfig_Init(&config);
    config.Bucket = bucket;
    config.History = 1;
    config.StorageType = js_MemoryStorage;
    natsStatus s = natsConnection_JetStream(&kv->jetstream, bus_nats(bus), NULL);
    if (s == NATS_OK)
        s = js_KeyValue(&kv->store, kv->jetstream, bucket);
    if (s == NATS_NOT_FOUND)
        s = js_CreateKeyValue(&kv->store, kv->jetstream, &config);
    if (s != NATS_OK) {
        bus_kv_close(&kv);
        return STATUS_UNAVAILABLE;
    }
    *kv_out = kv;
    return STATUS_OK;
}

void bus_kv_close(struct bus_kv **kv)
{
    if (*kv == NULL)
        return;
    kvStore_Destroy((*kv)->store);
    jsCtx_Destroy((*kv)->jetstream);
    free(*kv);
    *kv = NULL;
}

enum status bus_kv_get(struct bus_kv *kv, const char *key, struct buffer *value_out,
                       uint64_t *revision_out)
{
    kvEntry *entry = NULL;

    buffer_clear(value_out);
    natsStatus s = kvStore_Get(&entry, kv->store, key);
    if (s != NATS_OK)
        return bus_status(s);
    buffer_append(value_out, kvEntry_Value(entry), (size_t)kvEntry_ValueLen(entry));
    *revision_out = kvEntry_Revision(entry);
    kvEntry_Destroy(entry);
    return STATUS_OK;
}

enum status bus_kv_swap(struct bus_kv *kv, const char *key, uint64_t revision, const void *value,
                        size_t length, uint64_t *revision_out)
{
    natsStatus s = revision == 0
                       ? kvStore_Create(revision_out, kv->store, key, value, (int)length)
                       : kvStore_Update(revision_out, kv->store, key, value, (int)length, revision);
    /* The server's refusal of a stale revision arrives as the general error. */
    return s == NATS_ERR ? STATUS_CONFLICT : bus_status(s);
}

enum status bus_kv_watch(struct bus_kv *kv, struct bus_kv_watch **watch_out)
{
    struct bus_kv_watch *watch = xcalloc(1, sizeof(*watch));

    natsStatus s = kvStore_WatchAll(&watch->watcher, kv->store, NULL);
    if (s != NATS_OK) {
        free(watch);
        return STATUS_UNAVAILABLE;
    }
    *watch_out = watch;
    return STATUS_OK;
}

void bus_kv_unwatch(struct bus_kv_watch **watch)
{
    if (*watch == NULL)
        return;
    kvEntry_Destroy((*watch)->current);
    kvWatcher_Stop((*watch)->watcher);
    kvWatcher_Destroy((*watch)->watcher);
    free(*watch);
    *watch = NULL;
}

enum status bus_kv_watch_next(struct bus_kv_watch *watch, int64_t timeout_ms,
                              struct bus_kv_change *change_out)
{
    kvEntry_Destroy(watch->current);
    watch->current = NULL;
    natsStatus s = kvWatcher_Next(&watch->current, watch->watcher, timeout_ms);
    if (s != NATS_OK)
        return bus_status(s);
    *change_out = (struct bus_kv_change){ .is_initial_end = watch->current == NULL };
    if (watch->current != NULL) {
        change_out->key = kvEntry_Key(watch->current);
        change_out->value = kvEntry_Value(watch->current);
        change_out->length = (size_t)kvEntry_ValueLen(watch->current);
        change_out->revision = kvEntry_Revision(watch->current);
    }
    return STATUS_OK;
}
