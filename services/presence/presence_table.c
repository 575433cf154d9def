#include "services/presence/presence_table.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"

struct row {
    struct presence_entry entry;
    uint64_t revision;
    int64_t waits_since_ms; /* for the acknowledgement of its event `sent` */
};

struct presence_table {
    pthread_mutex_t lock; /* guards what follows */
    struct hashmap *rows; /* key -> struct row, owned */
    uint64_t latest;      /* the greatest change of any entry that ever was here */
};

struct presence_table *presence_table_create(void)
{
    struct presence_table *table = xcalloc(1, sizeof(*table));

    pthread_mutex_init(&table->lock, NULL);
    table->rows = hashmap_create();
    return table;
}

void presence_table_destroy(struct presence_table **table)
{
    const char *key;
    void *row;

    if (*table == NULL)
        return;
    for (size_t cursor = 0; hashmap_next((*table)->rows, &cursor, &key, &row);) {
        presence_entry_finish(&((struct row *)row)->entry);
        free(row);
    }
    hashmap_destroy(&(*table)->rows);
    pthread_mutex_destroy(&(*table)->lock);
    free(*table);
    *table = NULL;
}

/* With the lock held; created when there is none. */
static struct row *row_of(struct presence_table *table, const char *key)
{
    struct row *row = hashmap_get(table->rows, key);

    if (row == NULL) {
        row = xcalloc(1, sizeof(*row));
        row->entry.announced = true;
        hashmap_put(table->rows, key, row);
    }
    return row;
}

/* The user may change all the time: that does not make its event younger. */
static void replace_row(struct row *row, uint64_t revision, int64_t now_ms,
                        struct presence_entry *entry_take)
{
    bool waits_on = !row->entry.announced && row->entry.sent == entry_take->sent;

    presence_entry_finish(&row->entry);
    *row = (struct row){ *entry_take, revision, waits_on ? row->waits_since_ms : now_ms };
}

void presence_table_put(struct presence_table *table, const char *key, uint64_t revision,
                        int64_t now_ms, struct presence_entry *entry_take)
{
    pthread_mutex_lock(&table->lock);
    struct row *row = row_of(table, key);
    if (entry_take->change > table->latest)
        table->latest = entry_take->change;
    if (revision < row->revision && entry_take->change <= row->entry.change)
        presence_entry_finish(entry_take);
    else
        replace_row(row, revision, now_ms, entry_take);
    pthread_mutex_unlock(&table->lock);
    *entry_take = (struct presence_entry){ .tag = "" };
}

bool presence_table_get(struct presence_table *table, const char *key,
                        struct presence_entry *entry_out, uint64_t *revision_out)
{
    pthread_mutex_lock(&table->lock);
    const struct row *row = hashmap_get(table->rows, key);
    if (row != NULL) {
        *entry_out = presence_entry_copy(&row->entry);
        *revision_out = row->revision;
    }
    pthread_mutex_unlock(&table->lock);
    return row != NULL;
}

bool presence_table_is_online(struct presence_table *table, const char *key, uint64_t *change_out)
{
    pthread_mutex_lock(&table->lock);
    const struct row *row = hashmap_get(table->rows, key);
    bool online = row != NULL && row->entry.gateway_count > 0;
    if (change_out != NULL)
        *change_out = row != NULL ? row->entry.change : 0;
    pthread_mutex_unlock(&table->lock);
    return online;
}

void presence_table_exchange(struct presence_table *one, struct presence_table *other)
{
    pthread_mutex_lock(&one->lock); /* `other` is private to the caller: no order to keep */
    struct hashmap *rows = one->rows;
    one->rows = other->rows;
    other->rows = rows;
    if (other->latest > one->latest)
        one->latest = other->latest;
    pthread_mutex_unlock(&one->lock);
}

uint64_t presence_table_latest(struct presence_table *table)
{
    pthread_mutex_lock(&table->lock);
    uint64_t latest = table->latest;
    pthread_mutex_unlock(&table->lock);
    return latest;
}

void presence_keys_finish(struct presence_keys *keys)
{
    free(keys->keys);
    *keys = (struct presence_keys){ 0 };
}

typedef bool row_predicate(const struct row *row, const void *arg);

static struct presence_keys collect_keys(struct presence_table *table, row_predicate *wanted,
                                         const void *arg)
{
    struct presence_keys list = { 0 };
    const char *key;
    void *row;

    pthread_mutex_lock(&table->lock);
    list.keys = xcalloc(hashmap_count(table->rows), TAG_SIZE);
    for (size_t cursor = 0; hashmap_next(table->rows, &cursor, &key, &row);)
        if (wanted(row, arg))
            snprintf(list.keys[list.count++], TAG_SIZE, "%s", key);
    pthread_mutex_unlock(&table->lock);
    return list;
}

static bool is_at(const struct row *row, const void *gateway_id)
{
    return gateway_id == NULL ? row->entry.gateway_count > 0
                              : presence_entry_has(&row->entry, gateway_id);
}

static bool is_unannounced(const struct row *row, const void *before_ms)
{
    return !row->entry.announced && row->waits_since_ms < *(const int64_t *)before_ms;
}

/* An older change is known to all instances and gateways by now. */
static bool is_worth_restoring(const struct row *row, const void *after)
{
    return row->entry.gateway_count > 0 || !row->entry.announced ||
           row->entry.change > *(const uint64_t *)after;
}

struct presence_keys presence_table_at(struct presence_table *table, const char *gateway_id)
{
    return collect_keys(table, is_at, gateway_id);
}

struct presence_keys presence_table_unannounced(struct presence_table *table, int64_t before_ms)
{
    return collect_keys(table, is_unannounced, &before_ms);
}

struct presence_keys presence_table_worth_restoring(struct presence_table *table, uint64_t after)
{
    return collect_keys(table, is_worth_restoring, &after);
}

struct presence_extent presence_table_extent(struct presence_table *table)
{
    struct presence_extent extent = { .oldest = UINT64_MAX };
    const char *key;
    void *value;

    pthread_mutex_lock(&table->lock);
    extent.count = hashmap_count(table->rows);
    for (size_t cursor = 0; hashmap_next(table->rows, &cursor, &key, &value);) {
        uint64_t revision = ((const struct row *)value)->revision;
        if (revision < extent.oldest)
            extent.oldest = revision;
        if (revision > extent.newest)
            extent.newest = revision;
    }
    pthread_mutex_unlock(&table->lock);
    return extent;
}

void presence_table_each_gateway(struct presence_table *table,
                                 void (*visit)(void *ctx, const char *gateway_id), void *ctx)
{
    const char *key;
    void *value;

    pthread_mutex_lock(&table->lock);
    for (size_t cursor = 0; hashmap_next(table->rows, &cursor, &key, &value);) {
        const struct row *row = value;
        for (size_t i = 0; i < row->entry.gateway_count; i++)
            visit(ctx, row->entry.gateways[i]);
    }
    pthread_mutex_unlock(&table->lock);
}

char **presence_keys_tags(const struct presence_keys *keys)
{
    char **tags = xmalloc(keys->count * (sizeof(*tags) + TAG_SIZE + 1) + 1);
    char *text = (char *)(tags + keys->count);

    for (size_t i = 0; i < keys->count; i++, text += TAG_SIZE + 1) {
        snprintf(text, TAG_SIZE + 1, "@%s", keys->keys[i]);
        tags[i] = text;
    }
    return tags;
}
