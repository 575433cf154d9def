#include "gateway/edge/edge_inbox.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "services/common/base/array.h"
#include "services/common/base/log.h"

void edge_inbox_init(struct edge_inbox *inbox)
{
    *inbox = (struct edge_inbox){ .bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    pthread_mutex_init(&inbox->lock, NULL);
}

void edge_inbox_finish(struct edge_inbox *inbox)
{
    close(inbox->bell);
    pthread_mutex_destroy(&inbox->lock);
    free(inbox->items);
}

void edge_inbox_ring(struct edge_inbox *inbox)
{
    const uint64_t one = 1;

    if (write(inbox->bell, &one, sizeof(one)) < 0 && errno != EAGAIN)
        log_warn("cannot wake the thread of the connections: errno %d", errno);
}

void edge_inbox_put(struct edge_inbox *inbox, struct edge_connection *connection)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->items = array_reserve(inbox->items, inbox->count, &inbox->capacity,
                                 sizeof(struct edge_connection *));
    inbox->items[inbox->count++] = connection;
    bool first = inbox->count == 1;
    pthread_mutex_unlock(&inbox->lock);
    if (first)
        edge_inbox_ring(inbox);
}

struct edge_connection **edge_inbox_take(struct edge_inbox *inbox, size_t *count_out)
{
    uint64_t rung;

    (void)!read(inbox->bell, &rung, sizeof(rung));
    pthread_mutex_lock(&inbox->lock);
    struct edge_connection **items = inbox->items;
    *count_out = inbox->count;
    inbox->items = NULL;
    inbox->count = inbox->capacity = 0;
    pthread_mutex_unlock(&inbox->lock);
    return items;
}
