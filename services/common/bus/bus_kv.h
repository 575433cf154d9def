#ifndef COMMON_BUS_BUS_KV_H
#define COMMON_BUS_BUS_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/buffer.h"
#include "services/common/bus/bus.h"

/*
 * A bucket of keys and values in the bus server's memory (JetStream KV), changed by
 * compare-and-swap. It is empty after a restart of the server. Keys: letters, digits and -_=./
 *
 * A function that makes requests fails with STATUS_UNAVAILABLE at once without a connection, when
 * the connection breaks, or when the server refuses; with STATUS_DEADLINE_EXCEEDED when one request
 * takes longer than BUS_KV_REQUEST_MS. A read from a deleted bucket is never answered.
 */
enum { BUS_KV_REQUEST_MS = 1000 };

struct bus_kv;
struct bus_kv_watch;

/*
 * Opens the bucket, or creates it. Each of its `replicas` (1 to 5) is on another server of a
 * cluster. A bucket with fewer gets more if the cluster allows it, and is used as it is otherwise;
 * one with more keeps them, or instances with different settings would keep changing it.
 * STATUS_UNAVAILABLE while it is not ready, for example without a leader or enough servers.
 */
enum status bus_kv_open(struct bus *bus, const char *bucket, int64_t replicas,
                        struct bus_kv **kv_out) MUST_CHECK;
void bus_kv_close(struct bus_kv **kv);

/* Reads the value into `value_out`, which is cleared first, and its revision. STATUS_NOT_FOUND. */
enum status bus_kv_get(struct bus_kv *kv, const char *key, struct buffer *value_out,
                       uint64_t *revision_out) MUST_CHECK;

/* Sets the key if its revision is still `revision` (0: it does not exist), and returns the new
 * revision. STATUS_CONFLICT when it is not. */
enum status bus_kv_swap(struct bus_kv *kv, const char *key, uint64_t revision, const void *value,
                        size_t length, uint64_t *revision_out) MUST_CHECK;

/* Watches all keys: reports the present values first, then each change, in order. */
enum status bus_kv_watch(struct bus_kv *kv, struct bus_kv_watch **watch_out) MUST_CHECK;
void bus_kv_unwatch(struct bus_kv_watch **watch);

struct bus_kv_change {
    bool is_initial_end; /* all present values have been reported; nothing else is set */
    bool is_deleted;     /* the key was deleted: no value */
    const char *key;     /* borrowed until the next call */
    const void *value;
    size_t length;
    uint64_t revision;
};

/* STATUS_DEADLINE_EXCEEDED when nothing happened within `timeout_ms`. STATUS_UNAVAILABLE when the
 * watch has ended (bus_consumer.h): open another. */
enum status bus_kv_watch_next(struct bus_kv_watch *watch, int64_t timeout_ms,
                              struct bus_kv_change *change_out) MUST_CHECK;

/* What the server says of the bucket. A watch is not notified when the bucket is
 * deleted or purged, and late when the cluster member that serves it has died. */
struct bus_kv_state {
    int64_t created_ns; /* since 1970: another bucket has another one */
    uint64_t first;     /* the oldest revision in the bucket */
    uint64_t last;      /* the newest that ever was */
    uint64_t count;     /* keys, with deleted ones */
};

/* One request. STATUS_NOT_FOUND: there is no such bucket any more. */
enum status bus_kv_look(struct bus_kv *kv, struct bus_kv_state *state_out) MUST_CHECK;

#endif
