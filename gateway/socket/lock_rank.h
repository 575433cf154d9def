#ifndef GATEWAY_SOCKET_LOCK_RANK_H
#define GATEWAY_SOCKET_LOCK_RANK_H

/* The order of the gateway's nested locks (lock_order.h): a thread takes a lock only while it holds
 * none of the following ones. */
enum lock_rank {
    LOCK_RANK_TURN,       /* registry: the first and the last session of a user, one by one */
    LOCK_RANK_FEED_TABLE, /* feeds: all of them */
    LOCK_RANK_FEED,       /* feeds: one user's, held while it pushes */
    LOCK_RANK_REPORTER,   /* presence_reporter */
    LOCK_RANK_REGISTRY,
    LOCK_RANK_SESSION,
};

#endif
