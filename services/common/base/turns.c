#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/common/base/turns.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"

struct turns {
    pthread_mutex_t lock; /* guards the map */
    pthread_cond_t left_cond;
    struct hashmap *taken; /* name -> this struct */
};

struct turns *turns_create(void)
{
    struct turns *turns = xcalloc(1, sizeof(*turns));

    pthread_mutex_init(&turns->lock, NULL);
    pthread_cond_init(&turns->left_cond, NULL);
    turns->taken = hashmap_create();
    return turns;
}

void turns_destroy(struct turns **turns)
{
    if (*turns == NULL)
        return;
    hashmap_destroy(&(*turns)->taken);
    pthread_cond_destroy(&(*turns)->left_cond);
    pthread_mutex_destroy(&(*turns)->lock);
    free(*turns);
    *turns = NULL;
}

bool turns_take(struct turns *turns, const char *name, int64_t until_us)
{
    int64_t left_ms = (until_us - clock_mono_us()) / 1000;
    struct timespec until = clock_after_ms(left_ms > 0 ? left_ms : 0);
    bool in_time = true;

    pthread_mutex_lock(&turns->lock);
    while (hashmap_get(turns->taken, name) != NULL && in_time)
        in_time =
            pthread_cond_clockwait(&turns->left_cond, &turns->lock, CLOCK_MONOTONIC, &until) == 0;
    bool taken = hashmap_get(turns->taken, name) == NULL;
    if (taken)
        hashmap_put(turns->taken, name, turns);
    pthread_mutex_unlock(&turns->lock);
    return taken;
}

void turns_leave(struct turns *turns, const char *name)
{
    pthread_mutex_lock(&turns->lock);
    void *was = hashmap_remove(turns->taken, name);
    assert(was != NULL);
    (void)was;
    pthread_cond_broadcast(&turns->left_cond);
    pthread_mutex_unlock(&turns->lock);
}
