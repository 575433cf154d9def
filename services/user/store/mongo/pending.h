#ifndef USER_STORE_MONGO_PENDING_H
#define USER_STORE_MONGO_PENDING_H

#include "services/user/store/user_data.h"

/* Sign-ups that wait for a proof; specified in user_store.h. */

struct user_store;

enum status user_mongo_pending_add(struct user_store *store, const struct user_pending *pending,
                                   int64_t now_s) MUST_CHECK;
enum status user_mongo_pending_get(struct user_store *store, const struct id *key,
                                   struct user_pending *pending_out) MUST_CHECK;
enum status user_mongo_pending_delete(struct user_store *store, const struct id *key) MUST_CHECK;

#endif
