#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/presence/presence_bucket.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "services/common/base/buffer.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"

struct presence_bucket {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;
    bool stopping;
    struct bus_kv *kv; /* NULL while it is not open */
    size_t users;      /* threads that work with it */
    unsigned connects; /* how often the bus has connected */
    unsigned opened;   /* how often it had when the bucket was opened */
    int64_t withdrawn_ms;
    uint64_t seen; /* the revision up to which the replica has the bucket */
};

struct presence_bucket *presence_bucket_create(void)
{
    struct presence_bucket *bucket = xcalloc(1, sizeof(*bucket));

    pthread_mutex_init(&bucket->lock, NULL);
    pthread_cond_init(&bucket->cond, NULL);
    return bucket;
}

void presence_bucket_destroy(struct presence_bucket **bucket)
{
    if (*bucket == NULL)
        return;
    pthread_cond_destroy(&(*bucket)->cond);
    pthread_mutex_destroy(&(*bucket)->lock);
    free(*bucket);
    *bucket = NULL;
}

/* --- the bucket, which may vanish -------------------------------------------------------- */

struct bus_kv *presence_bucket_borrow(struct presence_bucket *bucket)
{
    pthread_mutex_lock(&bucket->lock);
    struct bus_kv *kv = bucket->kv;
    if (kv != NULL)
        bucket->users++;
    pthread_mutex_unlock(&bucket->lock);
    return kv;
}

void presence_bucket_return(struct presence_bucket *bucket)
{
    pthread_mutex_lock(&bucket->lock);
    if (--bucket->users == 0)
        pthread_cond_broadcast(&bucket->cond);
    pthread_mutex_unlock(&bucket->lock);
}

bool presence_bucket_is_known(struct presence_bucket *bucket)
{
    pthread_mutex_lock(&bucket->lock);
    bool known =
        bucket->kv != NULL || (bucket->opened != 0 && bucket->opened == bucket->connects &&
                               clock_mono_ms() - bucket->withdrawn_ms < PRESENCE_BUCKET_GRACE_MS);
    pthread_mutex_unlock(&bucket->lock);
    return known;
}

bool presence_bucket_is_same(struct presence_bucket *bucket)
{
    pthread_mutex_lock(&bucket->lock);
    bool same = bucket->opened == bucket->connects;
    pthread_mutex_unlock(&bucket->lock);
    return same;
}

void presence_bucket_open(struct presence_bucket *bucket, struct bus_kv *kv, unsigned connects,
                          uint64_t seen)
{
    pthread_mutex_lock(&bucket->lock);
    bucket->kv = kv;
    bucket->opened = connects;
    bucket->seen = seen;
    pthread_mutex_unlock(&bucket->lock);
}

void presence_bucket_note_seen(struct presence_bucket *bucket, uint64_t revision)
{
    pthread_mutex_lock(&bucket->lock);
    if (revision > bucket->seen)
        bucket->seen = revision;
    pthread_cond_broadcast(&bucket->cond);
    pthread_mutex_unlock(&bucket->lock);
}

enum status presence_bucket_catch_up(struct presence_bucket *bucket, struct bus_kv *kv,
                                     int64_t deadline_us)
{
    struct timespec until = clock_after_ms((deadline_us - clock_mono_us()) / 1000);
    struct bus_kv_state state;
    int waited = 0;

    if (bus_kv_look(kv, &state) != STATUS_OK)
        return STATUS_UNAVAILABLE;
    pthread_mutex_lock(&bucket->lock);
    while (bucket->kv == kv && bucket->seen < state.last && waited == 0)
        waited = pthread_cond_clockwait(&bucket->cond, &bucket->lock, CLOCK_MONOTONIC, &until);
    enum status status = bucket->kv != kv            ? STATUS_UNAVAILABLE
                         : bucket->seen < state.last ? STATUS_DEADLINE_EXCEEDED
                                                     : STATUS_OK;
    pthread_mutex_unlock(&bucket->lock);
    return status;
}

struct bus_kv *presence_bucket_withdraw(struct presence_bucket *bucket)
{
    pthread_mutex_lock(&bucket->lock);
    struct bus_kv *kv = bucket->kv;
    bucket->kv = NULL;
    bucket->withdrawn_ms = clock_mono_ms();
    pthread_cond_broadcast(&bucket->cond); /* nobody waits for it any more */
    while (bucket->users > 0)
        pthread_cond_wait(&bucket->cond, &bucket->lock);
    pthread_mutex_unlock(&bucket->lock);
    return kv;
}

bool presence_bucket_connects(struct presence_bucket *bucket, unsigned *connects_out)
{
    pthread_mutex_lock(&bucket->lock);
    *connects_out = bucket->connects;
    bool go_on = !bucket->stopping;
    pthread_mutex_unlock(&bucket->lock);
    return go_on;
}

void presence_bucket_wait(struct presence_bucket *bucket, int64_t ms)
{
    struct timespec until = clock_after_ms(ms);

    pthread_mutex_lock(&bucket->lock);
    if (!bucket->stopping)
        pthread_cond_clockwait(&bucket->cond, &bucket->lock, CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(&bucket->lock);
}

void presence_bucket_connected(struct presence_bucket *bucket)
{
    pthread_mutex_lock(&bucket->lock);
    bucket->connects++;
    pthread_cond_broadcast(&bucket->cond);
    pthread_mutex_unlock(&bucket->lock);
}

void presence_bucket_stop(struct presence_bucket *bucket)
{
    pthread_mutex_lock(&bucket->lock);
    bucket->stopping = true;
    pthread_cond_broadcast(&bucket->cond);
    pthread_mutex_unlock(&bucket->lock);
}

/* --- entries ----------------------------------------------------------------------------- */

enum status presence_bucket_swap(struct bus_kv *kv, const char *key,
                                 const struct presence_entry *entry, uint64_t *revision)
{
    struct buffer value = { 0 };

    presence_entry_pack(entry, &value);
    enum status status = bus_kv_swap(kv, key, *revision, value.data, value.length, revision);
    buffer_finish(&value);
    return status;
}

enum status presence_bucket_fetch(struct bus_kv *kv, const char *key,
                                  struct presence_entry *entry_out, uint64_t *revision_out)
{
    struct buffer value = { 0 };

    *entry_out = (struct presence_entry){ .announced = true };
    *revision_out = 0;
    enum status status = bus_kv_get(kv, key, &value, revision_out);
    if (status == STATUS_OK && !presence_entry_unpack(value.data, value.length, entry_out)) {
        log_error("the bucket holds no entry under %s", key);
        *entry_out = (struct presence_entry){ .announced = true };
    }
    buffer_finish(&value);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}
