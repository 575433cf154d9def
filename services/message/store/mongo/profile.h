#ifndef MESSAGE_STORE_MONGO_PROFILE_H
#define MESSAGE_STORE_MONGO_PROFILE_H

#include "services/message/store/mongo/documents.h"

struct message_store;

/*
 * As message_store_note_profile. Records the changes of the contacts, in portions, then the user's,
 * then the revision in the user's position: a recorded revision is complete, and an incomplete one
 * is repeated, which inserts no change twice.
 */
enum status message_mongo_profile_note(struct message_store *store,
                                       struct message_profile *profile) MUST_CHECK;

#endif
