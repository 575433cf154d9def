#ifndef GATEWAY_PUSH_FEED_TABLE_H
#define GATEWAY_PUSH_FEED_TABLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/push/due_queue.h"
#include "gateway/push/feed.h"
#include "gateway/push/feed_sink.h"
#include "gateway/push/feed_source.h"
#include "services/common/base/tag.h"

/* The feeds of all users, by key, each with the time at which it must be checked. Shared by
 * feeds.c and feed_pull.c; a function with the suffix _locked needs the table's lock. */

enum {
    FEED_CHECK_MS = 5000, /* between two checks of a feed */
    FEED_GRACE_MS = 50,   /* a change may be that late */
    FEED_RETRY_MIN_MS = 100,
    FEED_RETRY_MAX_MS = 5000,
    FEED_CHECK_GRID_MS = 500, /* checks fall due together, so that one call serves many */
};

struct feed_table;

/* One user's feed. `feed` and `gone` belong to its own lock, the rest to the table's. */
struct user_feed {
    struct due_item due; /* its next check; in no queue while it is checked or closed. First. */
    struct feed_table *table;
    char key[TAG_SIZE];
    pthread_mutex_t lock;
    struct feed feed;
    bool gone; /* closed: another feed may push to this user's sockets */

    size_t references;
    bool known, pulling, closed;
    bool due_again;        /* fell due while it was pulled */
    unsigned failures;     /* to check or to pull, in a row */
    int64_t busy_since_ms; /* the puller's: 0 = the sockets read what is pushed */
    unsigned rounds;       /* checks that have ended */
};

struct feed_table {
    struct bus *bus;
    struct feed_sink sink;

    pthread_mutex_t lock;       /* never taken while a user's is held */
    pthread_cond_t wake;        /* a check is due earlier than before */
    pthread_cond_t round_ended; /* of checks */
    bool stopping;
    struct hashmap *by_key;
    struct due_queue due;
    char epoch[FEED_EPOCH_SIZE]; /* "": not known yet */
};

/* Neither allocates the table itself. feed_table_finish: after the threads that use it have
 * ended. */
void feed_table_init(struct feed_table *table, struct bus *bus, const struct feed_sink *sink);
void feed_table_finish(struct feed_table *table);

/* With a reference, which feed_table_release drops; NULL when the user has no feed. */
struct user_feed *feed_table_find(struct feed_table *table, const char *key);
void feed_table_release(struct user_feed *user);
void feed_table_release_locked(struct user_feed *user);

/* Sets the time of the next check, unless an earlier one is set. */
void feed_table_set_due_locked(struct user_feed *user, int64_t due_ms);

/* Where the feed's notifications go. */
struct feed_outlet feed_table_outlet(struct user_feed *user);

/* Discards the feed's position and what it holds back. */
void feed_table_forget(struct user_feed *user);

/* False when the store has another epoch than before: then all feeds have been reset, and all
 * sockets lost (feed_sink.h). */
bool feed_table_check_epoch(struct feed_table *table, const char *epoch);

#endif
