#ifndef GATEWAY_EDGE_EDGE_INBOX_H
#define GATEWAY_EDGE_EDGE_INBOX_H

#include <pthread.h>
#include <stddef.h>

#include "gateway/edge/edge_connection.h"

/* Connections that are given to the loop's thread. */
struct edge_inbox {
    int bell; /* readable when there is something, or edge_inbox_ring was called */
    pthread_mutex_t lock;
    struct edge_connection **items; /* guarded by the lock, like what follows */
    size_t count, capacity;
};

void edge_inbox_init(struct edge_inbox *inbox);
void edge_inbox_finish(struct edge_inbox *inbox);

/* From any thread. */
void edge_inbox_put(struct edge_inbox *inbox, struct edge_connection *connection);
void edge_inbox_ring(struct edge_inbox *inbox);

/* All of them, in order, in an array that the caller frees; NULL when there are none. */
struct edge_connection **edge_inbox_take(struct edge_inbox *inbox, size_t *count_out);

#endif
