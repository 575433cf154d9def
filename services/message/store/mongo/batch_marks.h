#ifndef MESSAGE_STORE_MONGO_BATCH_MARKS_H
#define MESSAGE_STORE_MONGO_BATCH_MARKS_H

#include "services/message/store/mongo/batch_state.h"

/* Makes the facts of a batch's marks; one that marks nothing is done, and one whose store fails
 * keeps its status. */
void batch_marks_plan(struct batch *batch);

#endif
