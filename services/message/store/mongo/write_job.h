#ifndef MESSAGE_STORE_MONGO_WRITE_JOB_H
#define MESSAGE_STORE_MONGO_WRITE_JOB_H

#include "services/common/store/batcher.h"
#include "services/message/store/message_data.h"

/* One pending write: a send or a mark, the other is NULL. */
struct message_mongo_job {
    struct batch_job head; /* first */
    struct message_send *send;
    struct message_mark *mark;
};

#endif
