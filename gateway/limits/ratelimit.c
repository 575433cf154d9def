#include "gateway/limits/ratelimit.h"

#include <pthread.h>
#include <stdlib.h>

#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"

struct bucket {
    double level;
    int64_t filled_ms;
};

struct ratelimit {
    double per_ms, burst;
    pthread_mutex_t lock;    /* guards the buckets */
    struct hashmap *buckets; /* name -> struct bucket, owned */
    int64_t swept_ms;
};

enum { SWEEP_MS = 10000 };

struct ratelimit *ratelimit_create(int64_t count, int64_t period_ms, int64_t burst)
{
    struct ratelimit *limit = xcalloc(1, sizeof(*limit));

    limit->per_ms = (double)count / (double)period_ms;
    limit->burst = (double)burst;
    pthread_mutex_init(&limit->lock, NULL);
    limit->buckets = hashmap_create();
    return limit;
}

static void fill_bucket(const struct ratelimit *limit, struct bucket *bucket, int64_t now_ms)
{
    bucket->level += (double)(now_ms - bucket->filled_ms) * limit->per_ms;
    if (bucket->level > limit->burst)
        bucket->level = limit->burst;
    bucket->filled_ms = now_ms;
}

/* Forgets the buckets that are full again, or all. */
static void sweep_buckets(struct ratelimit *limit, int64_t now_ms, bool all)
{
    const char *name;
    void *bucket;

    for (size_t cursor = 0; hashmap_next(limit->buckets, &cursor, &name, &bucket);) {
        fill_bucket(limit, bucket, now_ms);
        if (all || ((struct bucket *)bucket)->level >= limit->burst)
            free(hashmap_remove(limit->buckets, name));
    }
    limit->swept_ms = now_ms;
}

void ratelimit_destroy(struct ratelimit **limit)
{
    if (*limit == NULL)
        return;
    sweep_buckets(*limit, clock_mono_ms(), true);
    hashmap_destroy(&(*limit)->buckets);
    pthread_mutex_destroy(&(*limit)->lock);
    free(*limit);
    *limit = NULL;
}

/* The bucket, filled up to now; with the lock. */
static struct bucket *find_bucket(struct ratelimit *limit, const char *name)
{
    int64_t now_ms = clock_mono_ms();

    if (now_ms - limit->swept_ms > SWEEP_MS)
        sweep_buckets(limit, now_ms, false);
    struct bucket *bucket = hashmap_get(limit->buckets, name);
    if (bucket == NULL) {
        if (hashmap_count(limit->buckets) >= RATELIMIT_NAMES_MAX)
            sweep_buckets(limit, now_ms, true);
        bucket = xmalloc(sizeof(*bucket));
        *bucket = (struct bucket){ limit->burst, now_ms };
        hashmap_put(limit->buckets, name, bucket);
    }
    fill_bucket(limit, bucket, now_ms);
    return bucket;
}

bool ratelimit_admit(struct ratelimit *limit, const char *name, int64_t *retry_ms_out)
{
    if (limit->per_ms <= 0)
        return true;
    pthread_mutex_lock(&limit->lock);
    struct bucket *bucket = find_bucket(limit, name);
    bool taken = bucket->level >= 1;
    if (taken)
        bucket->level -= 1;
    else
        *retry_ms_out = (int64_t)((1 - bucket->level) / limit->per_ms) + 1;
    pthread_mutex_unlock(&limit->lock);
    return taken;
}

void ratelimit_charge(struct ratelimit *limit, const char *name, int64_t count)
{
    if (limit->per_ms <= 0 || count <= 0)
        return;
    pthread_mutex_lock(&limit->lock);
    find_bucket(limit, name)->level -= (double)count;
    pthread_mutex_unlock(&limit->lock);
}
