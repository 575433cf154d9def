#include "services/common/bus/bus_kv.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/bus/bus_consumer.h"
#include "services/common/bus/bus_parts.h"

enum { NAME_SIZE = 64 };

struct bus_kv {
    struct bus *bus;
    /* The stream behind the bucket, and what the subjects of its keys begin with: ADR-8 of
     * https://github.com/nats-io/nats-architecture-and-design */
    char stream[NAME_SIZE], prefix[NAME_SIZE];
    jsCtx *jetstream;
    kvStore *store;
};

struct bus_kv_watch {
    struct bus_consumer *consumer;
    natsMsg *current; /* what the last change borrows from */
    size_t prefix_length;
    uint64_t initial, received; /* present values: all, and those reported */
    enum { INITIAL, INITIAL_DONE, CHANGES } phase;
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
    snprintf(kv->prefix, sizeof(kv->prefix), "$KV.%s.", bucket);
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

/* --- watching ------------------------------------------------------------------------------ */

enum status bus_kv_watch(struct bus_kv *kv, struct bus_kv_watch **watch_out)
{
    char filter[NAME_SIZE + 1];

    if (!can_request(kv))
        return STATUS_UNAVAILABLE;
    struct bus_kv_watch *watch = xcalloc(1, sizeof(*watch));
    snprintf(filter, sizeof(filter), "%s>", kv->prefix);
    enum status status = bus_consumer_open(kv->bus, kv->jetstream, kv->stream, filter,
                                           &watch->consumer, &watch->initial);
    if (status != STATUS_OK) {
        free(watch);
        return STATUS_UNAVAILABLE;
    }
    watch->prefix_length = strlen(kv->prefix);
    watch->phase = watch->initial == 0 ? INITIAL_DONE : INITIAL;
    *watch_out = watch;
    return STATUS_OK;
}

void bus_kv_unwatch(struct bus_kv_watch **watch)
{
    if (*watch == NULL)
        return;
    natsMsg_Destroy((*watch)->current);
    bus_consumer_close(&(*watch)->consumer);
    free(*watch);
    *watch = NULL;
}

/* The last of the present values has none after it; a value that changes meanwhile is sent as a
 * change, after the others. */
static void count_initial(struct bus_kv_watch *watch, const struct bus_consumer_place *place)
{
    if (watch->phase == INITIAL && (++watch->received >= watch->initial || place->pending == 0))
        watch->phase = INITIAL_DONE;
}

static bool is_deletion(natsMsg *message)
{
    const char *operation = NULL;

    return natsMsgHeader_Get(message, "KV-Operation", &operation) == NATS_OK &&
           (strcmp(operation, "DEL") == 0 || strcmp(operation, "PURGE") == 0);
}

enum status bus_kv_watch_next(struct bus_kv_watch *watch, int64_t timeout_ms,
                              struct bus_kv_change *change_out)
{
    struct bus_consumer_place place;

    natsMsg_Destroy(watch->current);
    watch->current = NULL;
    if (watch->phase == INITIAL_DONE) {
        watch->phase = CHANGES;
        *change_out = (struct bus_kv_change){ .is_initial_end = true };
        return STATUS_OK;
    }
    enum status status = bus_consumer_next(watch->consumer, timeout_ms, &watch->current, &place);
    if (status != STATUS_OK)
        return status;
    const char *subject = natsMsg_GetSubject(watch->current);
    if (strlen(subject) <= watch->prefix_length)
        return STATUS_UNAVAILABLE;
    count_initial(watch, &place);
    *change_out = (struct bus_kv_change){
        .key = subject + watch->prefix_length,
        .value = natsMsg_GetData(watch->current),
        .length = (size_t)natsMsg_GetDataLength(watch->current),
        .revision = place.sequence,
        .is_deleted = is_deletion(watch->current),
    };
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
