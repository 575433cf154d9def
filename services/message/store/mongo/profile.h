#ifndef MESSAGE_STORE_MONGO_PROFILE_H
#define MESSAGE_STORE_MONGO_PROFILE_H

#include "services/message/store/mongo/documents.h"

struct message_store;

/*
 * As message_store_note_profile. The contacts first, in portions, then the user, then the revision
 * in the user's position: so a revision that is there is done with, and one that is not is gone
 * through once more, which makes no change a second time.
 */
enum status message_mongo_profile_note(struct message_store *store,
                                       struct message_profile *profile) MUST_CHECK;

#endif
