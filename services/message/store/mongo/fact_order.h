#ifndef MESSAGE_STORE_MONGO_FACT_ORDER_H
#define MESSAGE_STORE_MONGO_FACT_ORDER_H

#include "services/message/store/mongo/fact.h"

/*
 * In which order changes are made. Of a conversation, in that of its messages: a message gets its
 * changes only when the ones before it have theirs, so that whoever reads changes in their order
 * reads messages in theirs, too. The message before may be another writer's, who has not come to
 * its changes yet, or has died; then they are made along with ours. Two writers that do so make
 * them once: a change is one and the same, whoever makes it.
 *
 * It costs nothing while nobody else writes in a conversation. Up to the `lastSeq` of a dialog
 * everything has its changes, for dialogs are raised after the changes of both users are made; so
 * a message that comes right after it has nothing before it that could be open.
 */
struct fact_order {
    struct fact **facts; /* all that is to be settled, in this order */
    size_t count;
    struct fact *earlier; /* those of them that others have stored */
    size_t earlier_count;
};

/* The facts, none left out, and what must be settled before them. The caller finishes it; after a
 * failure there is nothing to finish. */
enum status fact_order_make(struct mongo_db *db, struct fact *facts, size_t count,
                            struct fact_order *order_out) MUST_CHECK;
void fact_order_finish(struct fact_order *order);

#endif
