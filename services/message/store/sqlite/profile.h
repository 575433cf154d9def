#ifndef MESSAGE_STORE_SQLITE_PROFILE_H
#define MESSAGE_STORE_SQLITE_PROFILE_H

#include "services/message/store/message_data.h"

struct message_store;

/* As message_store_note_profile: in one transaction. */
enum status message_sqlite_profile_note(struct message_store *store,
                                        struct message_profile *profile) MUST_CHECK;

#endif
