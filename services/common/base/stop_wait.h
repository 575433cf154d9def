#ifndef COMMON_BASE_STOP_WAIT_H
#define COMMON_BASE_STOP_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A request to stop, for a thread that otherwise pauses. Not to be copied. */
struct stop_wait {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;
    bool stopping;
};

void stop_wait_init(struct stop_wait *wait);

/* Pauses for so long, 0: not at all. False, perhaps sooner, when the thread must stop. */
bool stop_wait_pause(struct stop_wait *wait, int64_t ms);

/* Requests it, waits for the end of the thread, and frees what the wait owns. */
void stop_wait_join(struct stop_wait *wait, pthread_t thread);

#endif
