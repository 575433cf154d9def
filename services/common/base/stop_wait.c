#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/common/base/stop_wait.h"

#include "services/common/base/clock.h"

void stop_wait_init(struct stop_wait *wait)
{
    pthread_mutex_init(&wait->lock, NULL);
    pthread_cond_init(&wait->cond, NULL);
    wait->stopping = false;
}

bool stop_wait_pause(struct stop_wait *wait, int64_t ms)
{
    struct timespec until = clock_after_ms(ms);

    pthread_mutex_lock(&wait->lock);
    while (!wait->stopping && ms > 0 &&
           pthread_cond_clockwait(&wait->cond, &wait->lock, CLOCK_MONOTONIC, &until) == 0)
        continue;
    bool go_on = !wait->stopping;
    pthread_mutex_unlock(&wait->lock);
    return go_on;
}

void stop_wait_join(struct stop_wait *wait, pthread_t thread)
{
    pthread_mutex_lock(&wait->lock);
    wait->stopping = true;
    pthread_cond_broadcast(&wait->cond);
    pthread_mutex_unlock(&wait->lock);
    pthread_join(thread, NULL);
    pthread_cond_destroy(&wait->cond);
    pthread_mutex_destroy(&wait->lock);
}
