#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/user/picture_sweep.h"

#include <pthread.h>
#include <stdlib.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"

enum { AT_ONCE = 100 };

struct picture_sweep {
    struct user_store *store;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;
    bool stopping;
};

/* False when it must stop. */
static bool pause_for(struct picture_sweep *sweep, int64_t ms)
{
    struct timespec until = clock_after_ms(ms);

    pthread_mutex_lock(&sweep->lock);
    while (!sweep->stopping &&
           pthread_cond_clockwait(&sweep->cond, &sweep->lock, CLOCK_MONOTONIC, &until) == 0)
        continue;
    bool go_on = !sweep->stopping;
    pthread_mutex_unlock(&sweep->lock);
    return go_on;
}

static enum status drop_some(struct picture_sweep *sweep, size_t *count_out)
{
    int64_t before_ms = clock_wall_ms() - PICTURE_SWEEP_MS;
    struct user_image_names names;

    *count_out = 0;
    enum status status = user_store_unused_images(sweep->store, before_ms, AT_ONCE, &names);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < names.count && status == STATUS_OK && pause_for(sweep, 0); i++) {
        status = user_store_drop_image(sweep->store, names.items[i].name);
        *count_out += status == STATUS_OK;
    }
    free(names.items);
    return status;
}

static void drop_all(struct picture_sweep *sweep)
{
    size_t count = AT_ONCE, dropped = 0;
    enum status status = STATUS_OK;

    while (count == AT_ONCE && status == STATUS_OK) {
        status = drop_some(sweep, &count);
        dropped += count;
    }
    if (status != STATUS_OK)
        log_warn("pictures that nobody shows are not deleted yet: %s", status_name(status));
    if (dropped > 0)
        log_info("deleted %zu pictures that nobody shows", dropped);
}

static void run_sweep(void *arg)
{
    struct picture_sweep *sweep = arg;

    do
        drop_all(sweep);
    while (pause_for(sweep, PICTURE_SWEEP_MS));
}

struct picture_sweep *picture_sweep_start(struct user_store *store)
{
    struct picture_sweep *sweep = xcalloc(1, sizeof(*sweep));

    sweep->store = store;
    pthread_mutex_init(&sweep->lock, NULL);
    pthread_cond_init(&sweep->cond, NULL);
    sweep->thread = thread_start("picture-sweep", run_sweep, sweep);
    return sweep;
}

void picture_sweep_stop(struct picture_sweep **sweep)
{
    struct picture_sweep *s = *sweep;

    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->cond);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->cond);
    pthread_mutex_destroy(&s->lock);
    free(s);
    *sweep = NULL;
}
