#include "services/common/base/lock_order.h"

#include <assert.h>
#include <stdint.h>

static _Thread_local uint32_t held; /* a bit for each rank */

void lock_order_lock(pthread_mutex_t *mutex, unsigned rank)
{
    assert(rank < LOCK_ORDER_RANKS && held >> rank == 0);
    pthread_mutex_lock(mutex);
    held |= UINT32_C(1) << rank;
}

void lock_order_unlock(pthread_mutex_t *mutex, unsigned rank)
{
    assert(rank < LOCK_ORDER_RANKS && (held >> rank & 1) != 0);
    held &= ~(UINT32_C(1) << rank);
    pthread_mutex_unlock(mutex);
}
