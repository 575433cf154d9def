#include "services/common/bus/bus_kv.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/bus/bus_parts.h"

enum { STREAM_NAME_SIZE = 64 };

struct bus_kv {
    struct bus *bus;
    char stream[STREAM_NAME_SIZE]; /* the one behind the bucket */
    jsCtx *jetstream;
    kvStore *store;
};

struct bus_kv_watch {
    kvWatcher *watcher;
    kvEntry *current; /* what the last change borrows from */
};

/* A request of the library would wait for the connection. */
static bool can_request(const struct bus_kv *kv)
{
    return atomic_load(&kv->bus->connected) && !bus_loop_is_over(kv->bus->loop);
}

static natsStatus make_bucket(struct bus_kv *kv, const char *bucket, int64_t replicas)
{
    kvConfig config;

    kvConfig_Init(&config);
    config.Bucket = bucket;
    config.History = 1;
    config.StorageType = js_MemoryStorage;
    config.Replicas = (int)replicas;
    return js_CreateKeyValue(&kv->store, kv->jetstream, &config);
}

/* The setting may have been raised since the bucket was created; updates the stream of the
 * bucket. */
static void raise_replicas(struct bus_kv *kv, const char *bucket, int64_t replicas)
{
    jsStreamInfo *info = NULL;
    jsErrCode error = 0;

    natsStatus s = js_GetStreamInfo(&info, kv->jetstream, kv->stream, NULL, &error);
    if (s == NATS_OK && info->Config->Replicas < replicas) {
        int64_t before = info->Config->Replicas;
        info->Config->Replicas = replicas;
        s = js_UpdateStream(NULL, kv->jetstream, info->Config, NULL, &error);
        if (s == NATS_OK)
            log_info("the bucket \"%s\" has %d replicas now", bucket, (int)replicas);
        else
            log_warn("the bucket \"%s\" stays at %d replicas instead of %d: %s (%d)", bucket,
                     (int)before, (int)replicas, natsStatus_GetText(s), (int)error);
    }
    jsStreamInfo_Destroy(info);
}

enum status bus_kv_open(struct bus *bus, const char *bucket, int64_t replicas,
                        struct bus_kv **kv_out)
{
    struct bus_kv *kv = xcalloc(1, sizeof(*kv));
    jsOptions options;

    kv->bus = bus;
    snprintf(kv->stream, sizeof(kv->stream), "KV_%s", bucket);
    jsOptions_Init(&options);
    options.Wait = BUS_KV_REQUEST_MS;
    natsStatus s = can_request(kv) ? natsConnection_JetStream(&kv->jetstream, bus->nats, &options)
                                   : NATS_CONNECTION_DISCONNECTED;
    if (s == NATS_OK)
        s = js_KeyValue(&kv->store, kv->jetstream, bucket);
    if (s == NATS_OK)
        raise_replicas(kv, bucket, replicas);
    else if (s == NATS_NOT_FOUND)
        s = make_bucket(kv, bucket, replicas);
    if (s != NATS_OK) {
        log_debug("the bucket \"%s\": %s", bucket, natsStatus_GetText(s));
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
    if (!can_request(kv))
        return STATUS_UNAVAILABLE;
    natsStatus s = kvStore_Get(&entry, kv->store, key);
    if (s != NATS_OK)
        return bus_parts_status(s);
    buffer_append(value_out, kvEntry_Value(entry), (size_t)kvEntry_ValueLen(entry));
    *revision_out = kvEntry_Revision(entry);
    kvEntry_Destroy(entry);
    return STATUS_OK;
}

/* The library returns every refusal of the server as the general error; only the text differs. */
static bool is_conflict(natsStatus status)
{
    natsStatus last;
    const char *text = nats_GetLastError(&last);

    return status == NATS_ERR && text != NULL && strstr(text, "wrong last sequence") != NULL;
}

enum status bus_kv_swap(struct bus_kv *kv, const char *key, uint64_t revision, const void *value,
                        size_t length, uint64_t *revision_out)
{
    if (!can_request(kv))
        return STATUS_UNAVAILABLE;
    natsStatus s = revision == 0
                       ? kvStore_Create(revision_out, kv->store, key, value, (int)length)
                       : kvStore_Update(revision_out, kv->store, key, value, (int)length, revision);
    return is_conflict(s) ? STATUS_CONFLICT : bus_parts_status(s);
}

enum status bus_kv_watch(struct bus_kv *kv, struct bus_kv_watch **watch_out)
{
    if (!can_request(kv))
        return STATUS_UNAVAILABLE;
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
        return bus_parts_status(s);
    *change_out = (struct bus_kv_change){ .is_initial_end = watch->current == NULL };
    if (watch->current != NULL) {
        change_out->key = kvEntry_Key(watch->current);
        change_out->value = kvEntry_Value(watch->current);
        change_out->length = (size_t)kvEntry_ValueLen(watch->current);
        change_out->revision = kvEntry_Revision(watch->current);
        change_out->is_deleted = kvEntry_Operation(watch->current) != kvOp_Put;
    }
    return STATUS_OK;
}

enum status bus_kv_look(struct bus_kv *kv, struct bus_kv_state *state_out)
{
    jsStreamInfo *info = NULL;

    if (!can_request(kv))
        return STATUS_UNAVAILABLE;
    natsStatus s = js_GetStreamInfo(&info, kv->jetstream, kv->stream, NULL, NULL);
    if (s != NATS_OK)
        return bus_parts_status(s);
    *state_out = (struct bus_kv_state){
        .created_ns = info->Created,
        .first = info->State.FirstSeq,
        .last = info->State.LastSeq,
        .count = info->State.Msgs,
    };
    jsStreamInfo_Destroy(info);
    return STATUS_OK;
}
