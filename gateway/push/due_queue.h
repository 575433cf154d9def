#ifndef GATEWAY_PUSH_DUE_QUEUE_H
#define GATEWAY_PUSH_DUE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

/* Items ordered by the time at which they are due: a binary heap, so that thousands of pending
 * items add no cost to the few that are due. One thread at a time. */

/* A part of the caller's own struct. A zeroed one is not in a queue. */
struct due_item {
    int64_t due_ms;
    size_t place; /* the queue's; 0: in none */
};

struct due_queue {
    struct due_item **items; /* items[0] is not used */
    size_t count, capacity;
};

/* Inserts or moves the item to be due at this time. */
void due_queue_put(struct due_queue *queue, struct due_item *item, int64_t due_ms);

/* An item that is in no queue stays so. */
void due_queue_remove(struct due_queue *queue, struct due_item *item);

/* The item that is due first; it stays in the queue. NULL when the queue is empty. */
struct due_item *due_queue_first(const struct due_queue *queue);

/* Frees what the queue holds; the items are the caller's. */
void due_queue_finish(struct due_queue *queue);

#endif
