#ifndef COMMON_BUS_BUS_KV_H
#define COMMON_BUS_BUS_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/buffer.h"
#include "services/common/bus/bus.h"

/*
 * A bucket of keys and values in the bus server's memory (JetStream KV), changed by
 * compare-and-swap. It is empty again after the server restarted. Keys: letters, digits and -_=./
 */
struct bus_kv;
struct bus_kv_watch;

/*
 * Opens the bucket, making it when it is not there. Each of its `replicas` (1 to 5) lies on another
 * server of a cluster; a bucket that has fewer gets more, and if that cannot be it serves as it is.
 * One that has more keeps them: instances that differ would change it to and fro. Not ready yet,
 * for example because a cluster has no leader or too few servers: STATUS_UNAVAILABLE.
 */
enum status bus_kv_open(struct bus *bus, const char *bucket, int64_t replicas,
                        struct bus_kv **kv_out) MUST_CHECK;
void bus_kv_close(struct bus_kv **kv);

/* The value into `value_out` (cleared first) and its revision, or STATUS_NOT_FOUND. */
enum status bus_kv_get(struct bus_kv *kv, const char *key, struct buffer *value_out,
                       uint64_t *revision_out) MUST_CHECK;

/* Sets the key if its revision is still `revision`, 0 meaning that it does not exist, and says the
 * new revision; STATUS_CONFLICT when it is not. */
enum status bus_kv_swap(struct bus_kv *kv, const char *key, uint64_t revision, const void *value,
                        size_t length, uint64_t *revision_out) MUST_CHECK;

/* Watches every key: first all that is there, then each change, in order. */
enum status bus_kv_watch(struct bus_kv *kv, struct bus_kv_watch **watch_out) MUST_CHECK;
void bus_kv_unwatch(struct bus_kv_watch **watch);

struct bus_kv_change {
    bool is_initial_end; /* all that was there has been seen; nothing else is set */
    const char *key;     /* borrowed until the next call */
    const void *value;
    size_t length;
    uint64_t revision;
};

/* STATUS_DEADLINE_EXCEEDED when nothing happened within `timeout_ms`. */
enum status bus_kv_watch_next(struct bus_kv_watch *watch, int64_t timeout_ms,
                              struct bus_kv_change *change_out) MUST_CHECK;

/*
 * When the server of a cluster that feeds the watch dies, nobody says so. True when the bucket has
 * a change that the watch did not show, now and at the call before: then open both anew. Asks the
 * server, so it may block for 5 s.
 */
bool bus_kv_watch_is_behind(struct bus_kv *kv, struct bus_kv_watch *watch);

#endif
