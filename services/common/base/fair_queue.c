#include "services/common/base/fair_queue.h"

#include <assert.h>
#include <stdlib.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"

struct item {
    void *value;
    struct item *before, *after;
};

/* A group exists while it has items. */
struct group {
    char *name;
    size_t count;
    struct item *first, *last;
    struct group *before, *after; /* in the order of turns */
};

struct fair_queue {
    size_t max, group_max, count;
    struct hashmap *groups;
    struct group *next, *last; /* the group whose turn it is, and the one that has just had it */
};

struct fair_queue *fair_queue_create(size_t max, size_t group_max)
{
    struct fair_queue *queue = xcalloc(1, sizeof(*queue));

    queue->max = max > 0 ? max : 1;
    queue->group_max = group_max > 0 ? group_max : 1;
    queue->groups = hashmap_create();
    return queue;
}

static void free_group(struct group *group)
{
    for (struct item *item = group->first, *after; item != NULL; item = after) {
        after = item->after;
        free(item);
    }
    free(group->name);
    free(group);
}

void fair_queue_destroy(struct fair_queue **queue)
{
    const char *name;
    void *group;

    if (*queue == NULL)
        return;
    for (size_t cursor = 0; hashmap_next((*queue)->groups, &cursor, &name, &group);)
        free_group(group);
    hashmap_destroy(&(*queue)->groups);
    free(*queue);
    *queue = NULL;
}

/* --- the order of turns ------------------------------------------------------------------ */

static void append_group(struct fair_queue *queue, struct group *group)
{
    group->before = queue->last;
    group->after = NULL;
    if (queue->last != NULL)
        queue->last->after = group;
    else
        queue->next = group;
    queue->last = group;
}

static void unlink_group(struct fair_queue *queue, struct group *group)
{
    if (group->before != NULL)
        group->before->after = group->after;
    else
        queue->next = group->after;
    if (group->after != NULL)
        group->after->before = group->before;
    else
        queue->last = group->before;
}

static struct group *find_or_add_group(struct fair_queue *queue, const char *name)
{
    struct group *group = hashmap_get(queue->groups, name);

    if (group != NULL)
        return group;
    group = xcalloc(1, sizeof(*group));
    group->name = xstrdup(name);
    hashmap_put(queue->groups, name, group);
    append_group(queue, group);
    return group;
}

/* It has no items. */
static void remove_group(struct fair_queue *queue, struct group *group)
{
    unlink_group(queue, group);
    hashmap_remove(queue->groups, group->name);
    free(group->name);
    free(group);
}

static struct group *largest_group(const struct fair_queue *queue)
{
    struct group *largest = queue->next;

    for (struct group *group = queue->next; group != NULL; group = group->after)
        if (group->count > largest->count)
            largest = group;
    return largest;
}

/* --- the items of a group ---------------------------------------------------------------- */

static void append_item(struct fair_queue *queue, struct group *group, void *value)
{
    struct item *item = xmalloc(sizeof(*item));

    *item = (struct item){ .value = value, .before = group->last };
    if (group->last != NULL)
        group->last->after = item;
    else
        group->first = item;
    group->last = item;
    group->count++;
    queue->count++;
}

static void *take_item(struct fair_queue *queue, struct group *group, struct item *item)
{
    void *value = item->value;

    if (item->before != NULL)
        item->before->after = item->after;
    else
        group->first = item->after;
    if (item->after != NULL)
        item->after->before = item->before;
    else
        group->last = item->before;
    free(item);
    group->count--;
    queue->count--;
    return value;
}

bool fair_queue_push(struct fair_queue *queue, const char *name, void *item, void **displaced_out)
{
    const struct group *own = hashmap_get(queue->groups, name);
    size_t own_count = own != NULL ? own->count : 0;

    assert(item != NULL);
    *displaced_out = NULL;
    if (own_count >= queue->group_max)
        return false;
    if (queue->count >= queue->max) {
        struct group *largest = largest_group(queue);
        if (largest->count < own_count + 2)
            return false;
        *displaced_out = take_item(queue, largest, largest->last);
    }
    append_item(queue, find_or_add_group(queue, name), item);
    return true;
}

void *fair_queue_pop(struct fair_queue *queue)
{
    struct group *group = queue->next;

    if (group == NULL)
        return NULL;
    void *value = take_item(queue, group, group->first);
    if (group->count == 0) {
        remove_group(queue, group);
    } else {
        unlink_group(queue, group);
        append_group(queue, group);
    }
    return value;
}

size_t fair_queue_count(const struct fair_queue *queue)
{
    return queue->count;
}
