#ifndef GATEWAY_PUSH_DUE_QUEUE_H
#define GATEWAY_PUSH_DUE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

/* What is to be done when: a binary heap, so that thousands that wait cost those few that are due
 * nothing. Not for several threads at once. */

/* A part of the caller's own struct. A zeroed one is not in a queue. */
struct due_item {
    int64_t due_ms;
    size_t place; /* the queue's; 0 = in none */
};

struct due_queue {
    struct due_item **items; /* items[0] is not used */
    size_t count, room;
};

/* Puts it in, or moves it, to be due at this time. */
void due_queue_put(struct due_queue *queue, struct due_item *item, int64_t due_ms);

/* Nothing happens if it is not in. */
void due_queue_remove(struct due_queue *queue, struct due_item *item);

/* The one that is due first, NULL when there is none. It stays in. */
struct due_item *due_queue_first(const struct due_queue *queue);

/* Frees what the queue holds; the items are the caller's. */
void due_queue_finish(struct due_queue *queue);

#endif
