#include "gateway/push/feed_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/socket/lock_rank.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/lock_order.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"

void feed_table_init(struct feed_table *table, struct bus *bus, const struct feed_sink *sink)
{
    *table = (struct feed_table){ .bus = bus, .sink = *sink };
    table->by_key = hashmap_create();
    pthread_mutex_init(&table->lock, NULL);
    pthread_cond_init(&table->wake, NULL);
    pthread_cond_init(&table->round_ended, NULL);
}

void feed_table_finish(struct feed_table *table)
{
    const char *key;
    void *user;

    for (size_t cursor = 0; hashmap_next(table->by_key, &cursor, &key, &user);)
        feed_table_release_locked(user);
    hashmap_destroy(&table->by_key);
    due_queue_finish(&table->due);
    pthread_cond_destroy(&table->round_ended);
    pthread_cond_destroy(&table->wake);
    pthread_mutex_destroy(&table->lock);
}

/* --- one user ------------------------------------------------------------------------------- */

struct user_feed *feed_table_find(struct feed_table *table, const char *key)
{
    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    struct user_feed *user = hashmap_get(table->by_key, key);
    if (user != NULL)
        user->references++;
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
    return user;
}

void feed_table_release_locked(struct user_feed *user)
{
    if (--user->references > 0)
        return;
    feed_forget(&user->feed);
    pthread_mutex_destroy(&user->lock);
    free(user);
}

void feed_table_release(struct user_feed *user)
{
    struct feed_table *table = user->table;

    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    feed_table_release_locked(user);
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
}

void feed_table_set_due_locked(struct user_feed *user, int64_t due_ms)
{
    struct feed_table *table = user->table;

    if (user->closed || (user->due.place != 0 && due_ms >= user->due.due_ms))
        return;
    due_queue_put(&table->due, &user->due, due_ms);
    pthread_cond_signal(&table->wake);
}

static void push_to_user(void *ctx, const Messenger__Notification *notification)
{
    const struct user_feed *user = ctx;
    const struct feed_sink *sink = &user->table->sink;

    if (user->gone)
        return;
    sink->push(sink->ctx, user->key, notification);
}

static bool user_has_space(void *ctx)
{
    const struct user_feed *user = ctx;
    const struct feed_sink *sink = &user->table->sink;

    return user->gone || sink->has_space(sink->ctx, user->key);
}

struct feed_outlet feed_table_outlet(struct user_feed *user)
{
    return (struct feed_outlet){ push_to_user, user_has_space, user };
}

/* --- another store -------------------------------------------------------------------------- */

void feed_table_forget(struct user_feed *user)
{
    lock_order_lock(&user->lock, LOCK_RANK_FEED);
    feed_forget(&user->feed);
    lock_order_unlock(&user->lock, LOCK_RANK_FEED);
}

static void forget_all(struct feed_table *table)
{
    struct user_feed **users;
    size_t count = 0;
    const char *key;
    void *value;

    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    users = xcalloc(hashmap_count(table->by_key), sizeof(struct user_feed *));
    for (size_t cursor = 0; hashmap_next(table->by_key, &cursor, &key, &value);) {
        users[count] = value;
        users[count]->references++;
        users[count]->known = false;
        feed_table_set_due_locked(users[count++], 0);
    }
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
    for (size_t i = 0; i < count; i++) {
        feed_table_forget(users[i]);
        feed_table_release(users[i]);
    }
    free(users);
}

bool feed_table_check_epoch(struct feed_table *table, const char *epoch)
{
    lock_order_lock(&table->lock, LOCK_RANK_FEED_TABLE);
    bool same = strcmp(table->epoch, epoch) == 0;
    bool first = table->epoch[0] == '\0';
    snprintf(table->epoch, sizeof(table->epoch), "%s", epoch);
    lock_order_unlock(&table->lock, LOCK_RANK_FEED_TABLE);
    if (same || first)
        return true;
    log_warn("the message store is another one now (epoch %s): closing all sockets", epoch);
    forget_all(table);
    table->sink.lose(table->sink.ctx, NULL);
    return false;
}
