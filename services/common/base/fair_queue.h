#ifndef COMMON_BASE_FAIR_QUEUE_H
#define COMMON_BASE_FAIR_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A bounded queue that serves groups, such as the networks of clients, in turn: one item of each
 * group that has items, then the next of each; within a group first in, first out. A group with
 * many items delays the single item of another by at most one item. Not thread-safe: the owner
 * locks.
 */
struct fair_queue;

/* `max` items in all, `group_max` of a group; at least 1. */
struct fair_queue *fair_queue_create(size_t max, size_t group_max);

/* Items are borrowed; those that are left are forgotten. NULL is allowed. */
void fair_queue_destroy(struct fair_queue **queue);

/*
 * Enqueues an item, which must not be NULL (asserted). False: the group has `group_max` items, or
 * the queue is full and no group has at least two items more than this one. If the queue is full
 * and one has, the newest item of the largest group is removed, and returned in `*displaced_out`,
 * which is NULL otherwise. So the group with the most items is refused first.
 */
bool fair_queue_push(struct fair_queue *queue, const char *group, void *item, void **displaced_out);

/* The next item; NULL when there is none. */
void *fair_queue_pop(struct fair_queue *queue);

size_t fair_queue_count(const struct fair_queue *queue);

#endif
