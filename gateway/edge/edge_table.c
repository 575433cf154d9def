#include "gateway/edge/edge_table.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "services/common/base/array.h"
#include "services/common/base/log.h"

void edge_table_add(struct edge_table *table, struct edge_connection *connection)
{
    table->items = array_reserve(table->items, table->count, &table->capacity,
                                 sizeof(struct edge_connection *));
    connection->index = table->count;
    table->items[table->count++] = connection;
}

void edge_table_finish(struct edge_table *table)
{
    while (table->count > 0)
        edge_table_bury(table, table->items[table->count - 1]);
    edge_table_free_dead(table);
    free(table->items);
    free(table->dead);
    *table = (struct edge_table){ 0 };
}

void edge_table_watch(struct edge_table *table, struct edge_connection *connection, unsigned events)
{
    struct epoll_event event = { .events = events, .data.ptr = connection };
    int operation = connection->events == 0 ? EPOLL_CTL_ADD
                    : events == 0           ? EPOLL_CTL_DEL
                                            : EPOLL_CTL_MOD;

    if (events == connection->events)
        return;
    if (epoll_ctl(table->epoll, operation, connection->socket, &event) != 0)
        log_warn("cannot watch a connection: errno %d", errno);
    connection->events = events;
}

void edge_table_count_body(struct edge_table *table, struct edge_connection *connection)
{
    table->body_bytes += connection->body.length - connection->body_counted;
    connection->body_counted = connection->body.length;
}

void edge_table_bury(struct edge_table *table, struct edge_connection *connection)
{
    if (connection->socket >= 0) {
        edge_table_watch(table, connection, 0);
        close(connection->socket);
        connection->socket = -1;
    }
    buffer_finish(&connection->body);
    edge_table_count_body(table, connection);
    connection->state = EDGE_DEAD;
    table->items[connection->index] = table->items[--table->count];
    table->items[connection->index]->index = connection->index;
    table->dead = array_reserve(table->dead, table->dead_count, &table->dead_capacity,
                                sizeof(struct edge_connection *));
    table->dead[table->dead_count++] = connection;
}

void edge_table_free_dead(struct edge_table *table)
{
    while (table->dead_count > 0)
        edge_connection_destroy(&table->dead[--table->dead_count]);
}

static bool may_go(const struct edge_connection *connection, bool with_body)
{
    if (with_body)
        return connection->state == EDGE_BODY && connection->body.length > 0;
    return connection->state == EDGE_HEAD || connection->state == EDGE_BODY ||
           connection->state == EDGE_LINGER;
}

struct edge_connection *edge_table_oldest(const struct edge_table *table, bool with_body)
{
    struct edge_connection *oldest = NULL;

    for (size_t i = 0; i < table->count; i++) {
        struct edge_connection *connection = table->items[i];
        if (may_go(connection, with_body) &&
            (oldest == NULL || connection->begin_ms < oldest->begin_ms))
            oldest = connection;
    }
    return oldest;
}
