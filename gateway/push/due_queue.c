#include "gateway/push/due_queue.h"

#include <stdlib.h>

#include "services/common/base/array.h"

static void set_place(struct due_queue *queue, size_t place, struct due_item *item)
{
    queue->items[place] = item;
    item->place = place;
}

static void rise_item(struct due_queue *queue, struct due_item *item)
{
    size_t place = item->place;

    for (; place > 1 && queue->items[place / 2]->due_ms > item->due_ms; place /= 2)
        set_place(queue, place, queue->items[place / 2]);
    set_place(queue, place, item);
}

static void sink_item(struct due_queue *queue, struct due_item *item)
{
    size_t place = item->place;

    for (;;) {
        size_t child = 2 * place;
        if (child > queue->count)
            break;
        if (child < queue->count && queue->items[child + 1]->due_ms < queue->items[child]->due_ms)
            child++;
        if (queue->items[child]->due_ms >= item->due_ms)
            break;
        set_place(queue, place, queue->items[child]);
        place = child;
    }
    set_place(queue, place, item);
}

void due_queue_put(struct due_queue *queue, struct due_item *item, int64_t due_ms)
{
    if (item->place == 0) {
        size_t used = queue->count + (queue->capacity > 0); /* place 0 stays empty */
        queue->items = array_reserve(queue->items, used, &queue->capacity, sizeof(*queue->items));
        set_place(queue, ++queue->count, item);
    }
    item->due_ms = due_ms;
    rise_item(queue, item);
    sink_item(queue, item);
}

void due_queue_remove(struct due_queue *queue, struct due_item *item)
{
    size_t place = item->place;

    if (place == 0)
        return;
    item->place = 0;
    struct due_item *last = queue->items[queue->count--];
    if (last == item)
        return;
    set_place(queue, place, last);
    rise_item(queue, last);
    sink_item(queue, last);
}

struct due_item *due_queue_first(const struct due_queue *queue)
{
    return queue->count > 0 ? queue->items[1] : NULL;
}

void due_queue_finish(struct due_queue *queue)
{
    free(queue->items);
    *queue = (struct due_queue){ 0 };
}
