#ifndef PRESENCE_PRESENCE_REPLICA_H
#define PRESENCE_PRESENCE_REPLICA_H

#include "services/common/bus/bus.h"
#include "services/presence/gateway_watch.h"
#include "services/presence/presence_bucket.h"
#include "services/presence/presence_table.h"

/*
 * Keeps the table of this instance equal to the bucket that all instances share: opens the bucket,
 * creates it if it is missing, reads all of it, writes what the table has and the bucket lacks,
 * requests a report of every gateway (event.presence.gateway_lost without an id), and follows the
 * changes. Begins again after a reconnect of the bus, when the watch breaks, when a key was
 * deleted, and when bucket_check.h reports a loss; a failure is retried after 250 ms. One thread.
 */
struct presence_replica;

struct presence_replica_options { /* all borrowed until presence_replica_join */
    struct bus *bus;
    int64_t replicas; /* of the bucket, each on another NATS server */
    struct presence_bucket *bucket;
    struct presence_table *table;
    struct gateway_watch *gateways; /* forgiven while the bucket was away */
};

struct presence_replica *presence_replica_start(const struct presence_replica_options *options);

/* Waits for the end of the thread; presence_bucket_stop ends it. NULL is allowed. */
void presence_replica_join(struct presence_replica **replica);

#endif
