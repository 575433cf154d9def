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
 */
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
    const char *key;     /* borrowed until the next call */
    const void *value;
    size_t length;
    uint64_t revision;
};

/* STATUS_DEADLINE_EXCEEDED when nothing happened within `timeout_ms`. */
enum status bus_kv_watch_next(struct bus_kv_watch *watch, int64_t timeout_ms,
                              struct bus_kv_change *change_out) MUST_CHECK;

/*
 * When the cluster member that serves the watch dies, the library does not report it. True when the
 * bucket has a change that the watch has not reported, now and at the previous call: then open both
 * again. A request to the server; may block for 5 s.
 */
bool bus_kv_watch_is_behind(struct bus_kv *kv, struct bus_kv_watch *watch);

#endif
