#ifndef GATEWAY_EDGE_EDGE_TABLE_H
#define GATEWAY_EDGE_EDGE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/edge/edge_connection.h"

/* The connections of a loop, for its thread. A zeroed struct is an empty table. */
struct edge_table {
    int epoll; /* watches them; borrowed */
    struct edge_connection **items;
    size_t count, capacity;
    struct edge_connection **dead;
    size_t dead_count, dead_capacity;
    size_t body_bytes; /* of all */
};

void edge_table_add(struct edge_table *table, struct edge_connection *connection);
void edge_table_finish(struct edge_table *table);

/* Level-triggered; 0: not at all, so that the end of a held connection wakes nobody. */
void edge_table_watch(struct edge_table *table, struct edge_connection *connection,
                      unsigned events);

/* To be called when the body of a connection has changed. */
void edge_table_count_body(struct edge_table *table, struct edge_connection *connection);

/* Closes and removes a connection. Its memory stays until edge_table_free_dead: events of it may
 * be pending. */
void edge_table_bury(struct edge_table *table, struct edge_connection *connection);
void edge_table_free_dead(struct edge_table *table);

/* The one that has been reading or lingering for the longest time, or of those that have part of a
 * body; NULL when there is none. */
struct edge_connection *edge_table_oldest(const struct edge_table *table, bool with_body);

#endif
