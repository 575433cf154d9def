/* A message store without data, in place of an engine, as double_user_store.h. */
#ifndef FUZZ_DOUBLE_MESSAGE_STORE_H
#define FUZZ_DOUBLE_MESSAGE_STORE_H

#include "services/message/store/message_store.h"

struct message_store *double_message_store(void);

/* Calls `done` of the writes that were accepted since the last call, then what
 * message_store_on_reported has set. */
void double_message_store_finish(void);

#endif
