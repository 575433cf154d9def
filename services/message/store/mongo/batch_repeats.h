#ifndef MESSAGE_STORE_MONGO_BATCH_REPEATS_H
#define MESSAGE_STORE_MONGO_BATCH_REPEATS_H

#include "services/message/store/mongo/batch_state.h"

/* Finds all sends of the batch that are stored already, at once: after a crash there are many. They
 * are over, and repeat. */
enum status batch_repeats_find(struct batch *batch) MUST_CHECK;

/* Which of them were read. */
enum status batch_repeats_read_marks(struct batch *batch) MUST_CHECK;

#endif
