#ifndef GATEWAY_PUSH_FEED_PULL_H
#define GATEWAY_PUSH_FEED_PULL_H

#include "gateway/push/feed_table.h"
#include "services/common/base/workpool.h"

/* How long a pull waits for a socket that is slower than another one of the same user. */
enum { FEED_PULL_PATIENCE_MS = 1000 };

/*
 * Fetches the changes that a feed misses from the message service, on a thread of the pool, page by
 * page, and pushes them in order. Owns the caller's reference to the feed, and sets the time
 * of its next check. When the pool's queue is full, the check is repeated soon.
 */
void feed_pull_begin(struct user_feed *user_take, struct workpool *pool);

#endif
