#ifndef PRESENCE_PRESENCE_TABLE_H
#define PRESENCE_PRESENCE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/tag.h"

/*
 * A replica of the bucket in this process, updated by its watch and a few milliseconds behind it.
 * All functions may be called from any thread.
 */
enum { GATEWAY_ID_SIZE = 33, GATEWAYS_MAX = 256 };

/* One user. No gateways: offline. */
struct presence_entry {
    char tag[TAG_SIZE]; /* as the gateways report it */
    char (*gateways)[GATEWAY_ID_SIZE];
    size_t gateway_count;
    bool announced;  /* the contacts have been notified of the last change */
    uint64_t change; /* increases with each change from offline to online or back */
};

void presence_entry_finish(struct presence_entry *entry);
bool presence_entry_has(const struct presence_entry *entry, const char *gateway_id);

/* Adds or removes a gateway; false when that changes nothing, or the entry is full. */
bool presence_entry_set(struct presence_entry *entry, const char *gateway_id, bool online);

/* The bytes of a bucket's value and back. */
struct buffer;
void presence_entry_pack(const struct presence_entry *entry, struct buffer *out);
bool presence_entry_unpack(const void *data, size_t length, struct presence_entry *entry_out);

struct presence_table;

struct presence_table *presence_table_create(void);
void presence_table_destroy(struct presence_table **table);

/* Owns the entry. `now_ms` is the time at which it was received, for presence_table_unannounced. */
void presence_table_put(struct presence_table *table, const char *key, uint64_t revision,
                        int64_t now_ms, struct presence_entry *entry_take);

/* A copy of the entry and its revision; false when the key has never been seen. */
bool presence_table_get(struct presence_table *table, const char *key,
                        struct presence_entry *entry_out, uint64_t *revision_out);

bool presence_table_is_online(struct presence_table *table, const char *key);

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

/* Keys not announced that were last seen to change before `before_ms`. */
struct presence_keys presence_table_unannounced(struct presence_table *table, int64_t before_ms);

/* Calls for each gateway that some user is online at, perhaps several times; the table is locked.
 */
void presence_table_each_gateway(struct presence_table *table,
                                 void (*visit)(void *ctx, const char *gateway_id), void *ctx);

/* The tags of the keys, in one allocation that the caller frees. */
char **presence_keys_tags(const struct presence_keys *keys);

#endif
