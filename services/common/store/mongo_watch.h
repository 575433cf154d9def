#ifndef COMMON_STORE_MONGO_WATCH_H
#define COMMON_STORE_MONGO_WATCH_H

#include "services/common/store/mongo_db.h"

/*
 * Knows whether the database server answers, also while nobody calls it: asks it once a second on a
 * thread of its own, and requires a server that takes writes.
 */
struct mongo_watch;

/* `answered`, if not NULL, is called on that thread after each question that was answered, the
 * first one at once. `db` and `ctx` are borrowed until the stop. */
struct mongo_watch *mongo_watch_start(struct mongo_db *db, void (*answered)(void *ctx), void *ctx);

/* Waits for the question in progress. NULL is allowed. */
void mongo_watch_stop(struct mongo_watch **watch);

/* What is wrong, for people; NULL: it has answered within the last seconds. From any thread, does
 * not block. The text is static. */
const char *mongo_watch_problem(struct mongo_watch *watch);

#endif
