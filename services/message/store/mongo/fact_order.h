#ifndef MESSAGE_STORE_MONGO_FACT_ORDER_H
#define MESSAGE_STORE_MONGO_FACT_ORDER_H

#include "services/message/store/mongo/fact.h"

/*
 * The order in which changes are inserted. Those of a conversation follow its messages: a message
 * gets its changes only after all earlier ones have theirs, so changes in order imply messages in
 * order. An earlier message may be another writer's, which has not inserted its changes yet or has
 * died; then they are inserted with ours. If two writers do so, the changes still exist once.
 *
 * No cost while one writer writes in a conversation. All messages up to the `lastSeq` of a dialog
 * have their changes, because dialogs are raised after the changes of both users; so a message that
 * follows directly has no unsettled one before it.
 */
struct fact_order {
    struct fact **facts; /* all facts to settle, in this order */
    size_t count;
    struct fact *earlier; /* of these, the messages stored by other writers */
    size_t earlier_count;
};

/* All given facts, and those that must be settled before them. The caller finishes it; after a
 * failure there is nothing to finish. */
enum status fact_order_make(struct mongo_db *db, struct fact *facts, size_t count,
                            struct fact_order *order_out) MUST_CHECK;
void fact_order_finish(struct fact_order *order);

#endif
