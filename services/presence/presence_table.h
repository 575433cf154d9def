#ifndef PRESENCE_PRESENCE_TABLE_H
#define PRESENCE_PRESENCE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/tag.h"
#include "services/presence/presence_entry.h"

/*
 * A replica of the bucket in this process, updated by its watch and a few milliseconds behind it,
 * and at once by what this process writes itself. All functions may be called from any thread.
 */

struct presence_table;

struct presence_table *presence_table_create(void);
void presence_table_destroy(struct presence_table **table);

/* Owns the entry. `now_ms` is the time at which it was received, for presence_table_unannounced. An
 * entry of an older revision than the one that is there is ignored: what this process has written
 * itself is put before the watch reports it, and what others wrote before that arrives later.
 * Unless its change is a newer one: then it was written to a bucket that has replaced this one,
 * whose revisions begin again, and which may be lost before the replica is built from it. */
void presence_table_put(struct presence_table *table, const char *key, uint64_t revision,
                        int64_t now_ms, struct presence_entry *entry_take);

/* A copy of the entry and its revision; false when the key has never been seen. */
bool presence_table_get(struct presence_table *table, const char *key,
                        struct presence_entry *entry_out, uint64_t *revision_out);

/* `change_out`, which may be NULL: the number of the user's last change, 0 without one. */
bool presence_table_is_online(struct presence_table *table, const char *key, uint64_t *change_out);

/* The greatest change number of all entries ever put, including those replaced since. */
uint64_t presence_table_latest(struct presence_table *table);

/* Swaps the contents of two tables; the first keeps the greater of the two latest change
 * numbers. */
void presence_table_exchange(struct presence_table *one, struct presence_table *other);

/* Keys as a list; the caller frees it with presence_keys_finish. */
struct presence_keys {
    char (*keys)[TAG_SIZE];
    size_t count;
};
void presence_keys_finish(struct presence_keys *keys);

/* All users online at that gateway; NULL: at any. */
struct presence_keys presence_table_at(struct presence_table *table, const char *gateway_id);

/* Keys whose event has not been acknowledged, and was first seen before `before_ms`. */
struct presence_keys presence_table_unannounced(struct presence_table *table, int64_t before_ms);

/* Keys that must be written to a bucket that lacks them: of users who are online, whose event has
 * not been acknowledged, or who changed after the change number `after`. */
struct presence_keys presence_table_worth_restoring(struct presence_table *table, uint64_t after);

/* The revisions of all rows; `oldest` is UINT64_MAX when there is none. */
struct presence_extent {
    size_t count;
    uint64_t oldest, newest;
};
struct presence_extent presence_table_extent(struct presence_table *table);

/* Calls for each gateway that some user is online at, perhaps several times; the table is locked.
 */
void presence_table_each_gateway(struct presence_table *table,
                                 void (*visit)(void *ctx, const char *gateway_id), void *ctx);

/* The tags of the keys, in one allocation that the caller frees. */
char **presence_keys_tags(const struct presence_keys *keys);

#endif
