#include "services/presence/presence_changer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/common/base/workpool.h"

enum {
    SWAP_TRIES = 64,
    THREADS = 16, /* each waits for the bus most of the time */
    JOBS_MAX = 4096,
};

struct presence_changer {
    struct presence_changer_options options;
    struct workpool *pool;
};

struct presence_change {
    const char *tag, *gateway_id;
    bool online;
    int64_t deadline_us;
};

/* --- one user ---------------------------------------------------------------------------- */

/*
 * The time, but greater than any change number seen here: so the number increases although the
 * clocks of two instances differ, and although the bucket was lost with the server, including the
 * entries of offline users.
 */
static uint64_t next_change(struct presence_changer *changer, uint64_t before)
{
    uint64_t now = (uint64_t)clock_wall_ms() * 1000;
    uint64_t latest = presence_table_latest(changer->options.table);

    if (latest > before)
        before = latest;
    return now > before ? now : before + 1;
}

/* The entry as the replica has it, which may be old: then the swap fails. */
static void recall_change(struct presence_changer *changer, const char *key,
                          struct presence_entry *entry_out, uint64_t *revision_out)
{
    if (presence_table_get(changer->options.table, key, entry_out, revision_out))
        return;
    *entry_out = (struct presence_entry){ .announced = true };
    *revision_out = 0;
}

/*
 * Before anybody is notified of the change, and before the watch reports it: if the server loses
 * the bucket in between, the change is restored from here. Else its contacts would have been
 * notified of what no instance knows, and nobody would notify them of the opposite.
 */
static void remember(struct presence_changer *changer, const char *key,
                     const struct presence_entry *entry, uint64_t revision)
{
    struct presence_entry copy = presence_entry_copy(entry);

    presence_table_put(changer->options.table, key, revision, clock_mono_ms(), &copy);
}

/* Swaps the entry for one with the change, if that changes anything. */
static enum status try_change(struct presence_changer *changer, struct bus_kv *kv, const char *key,
                              struct presence_entry *entry, uint64_t revision,
                              const struct presence_change *change, bool *changes_out)
{
    bool was_online = entry->gateway_count > 0;

    *changes_out = presence_entry_set(entry, change->gateway_id, change->online);
    if (!*changes_out)
        return STATUS_OK;
    bool turned = was_online != (entry->gateway_count > 0);
    if (change->online || entry->tag[0] == '\0') /* else it stays as its owner writes it */
        snprintf(entry->tag, sizeof(entry->tag), "%s", change->tag);
    bool publish = turned && presence_entry_turn(entry, next_change(changer, entry->change));
    enum status status = presence_bucket_swap(kv, key, entry, &revision);
    if (status == STATUS_OK)
        remember(changer, key, entry, revision);
    if (status == STATUS_OK && publish)
        presence_announcer_add(changer->options.announcer, key, entry, revision);
    return status;
}

/*
 * Tries first with the replica's entry, which is nearly always current; only an entry of the bucket
 * itself proves that there is nothing to change. A bucket that was replaced meanwhile may have the
 * same revision of this key. That is repaired soon: the gateways have lost the bus, too, and
 * announce all their users.
 */
static enum status change_entry(struct presence_changer *changer, struct bus_kv *kv,
                                const struct presence_change *change)
{
    char key[TAG_SIZE];
    struct presence_entry entry;
    uint64_t revision;
    enum status status = STATUS_CONFLICT;
    bool changes;

    if (!tag_to_key(change->tag, key))
        return STATUS_INVALID_ARGUMENT;
    if (presence_bucket_is_same(changer->options.bucket)) {
        recall_change(changer, key, &entry, &revision);
        status = try_change(changer, kv, key, &entry, revision, change, &changes);
        presence_entry_finish(&entry);
        if (status == STATUS_OK && !changes)
            status = STATUS_CONFLICT;
    }
    for (int i = 0;
         i < SWAP_TRIES && status == STATUS_CONFLICT && clock_mono_us() < change->deadline_us;
         i++) {
        status = presence_bucket_fetch(kv, key, &entry, &revision);
        if (status == STATUS_OK)
            status = try_change(changer, kv, key, &entry, revision, change, &changes);
        presence_entry_finish(&entry);
    }
    return status == STATUS_CONFLICT ? STATUS_UNAVAILABLE : status;
}

/* --- many, side by side ------------------------------------------------------------------ */

struct changing {
    struct presence_changer *changer;
    struct bus_kv *kv;
    const char *gateway_id;
    char *const *tags;
    bool online;
    int64_t deadline_us;
    atomic_bool failed;
};

static void change_one(void *ctx, size_t index)
{
    struct changing *changing = ctx;
    struct presence_change wanted = { changing->tags[index], changing->gateway_id, changing->online,
                                      changing->deadline_us };

    if (atomic_load(&changing->failed) || !tag_is_valid(wanted.tag))
        return;
    if (clock_mono_us() >= changing->deadline_us ||
        change_entry(changing->changer, changing->kv, &wanted) != STATUS_OK)
        atomic_store(&changing->failed, true);
}

enum status presence_changer_set(struct presence_changer *changer, const char *gateway_id,
                                 char *const *tags, size_t count, bool online, int64_t deadline_us)
{
    struct bus_kv *kv = presence_bucket_borrow(changer->options.bucket);
    struct changing changing = { changer, kv, gateway_id, tags, online, deadline_us, false };

    if (kv == NULL)
        return STATUS_UNAVAILABLE;
    workpool_share(changer->pool, count, change_one, &changing);
    presence_bucket_return(changer->options.bucket);
    return atomic_load(&changing.failed) ? STATUS_UNAVAILABLE : STATUS_OK;
}

struct presence_changer *presence_changer_create(const struct presence_changer_options *options)
{
    struct presence_changer *changer = xcalloc(1, sizeof(*changer));
    struct workpool_options pool = { .name = "presence-set",
                                     .threads = THREADS,
                                     .queue_max = JOBS_MAX };

    changer->options = *options;
    changer->pool = workpool_create(&pool);
    return changer;
}

void presence_changer_destroy(struct presence_changer **changer)
{
    if (*changer == NULL)
        return;
    workpool_destroy(&(*changer)->pool);
    free(*changer);
    *changer = NULL;
}
