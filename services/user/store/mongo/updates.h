#ifndef USER_STORE_MONGO_UPDATES_H
#define USER_STORE_MONGO_UPDATES_H

#include "services/user/store/user_data.h"

struct user_store;

/* Profiles that change, and which changes are still to be announced. Each function is specified in
 * user_store.h. */

enum status user_mongo_updates_update(struct user_store *store, const char *key,
                                      const struct user_update *wanted) MUST_CHECK;
enum status user_mongo_updates_announced(struct user_store *store, const char *key,
                                         uint64_t revision, uint64_t noted) MUST_CHECK;
enum status user_mongo_updates_import_profile(struct user_store *store, const char *key,
                                              const struct user *user) MUST_CHECK;

#endif
