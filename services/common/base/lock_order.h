#ifndef COMMON_BASE_LOCK_ORDER_H
#define COMMON_BASE_LOCK_ORDER_H

#include <pthread.h>

/*
 * Mutexes with a rank, for locks that may be nested: a thread that holds one may take only locks of
 * a greater rank (asserted), so no two threads can wait for each other. The cost is a few
 * instructions on a variable of the thread. A condition may be waited for with such a mutex.
 */
enum { LOCK_ORDER_RANKS = 32 }; /* from 0 on */

void lock_order_lock(pthread_mutex_t *mutex, unsigned rank);

/* The calling thread holds a lock of this rank (asserted). */
void lock_order_unlock(pthread_mutex_t *mutex, unsigned rank);

#endif
