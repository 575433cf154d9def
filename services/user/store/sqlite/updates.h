#ifndef USER_STORE_SQLITE_UPDATES_H
#define USER_STORE_SQLITE_UPDATES_H

#include "services/user/store/user_data.h"

struct user_store;

/* Changes of profiles in a SQLite file; each is specified in user_store.h. */

enum status user_sqlite_updates_update(struct user_store *store, const char *key,
                                       const struct user_update *wanted) MUST_CHECK;

enum status user_sqlite_updates_announced(struct user_store *store, const char *key,
                                          uint64_t revision, uint64_t noted) MUST_CHECK;

enum status user_sqlite_updates_import_profile(struct user_store *store, const char *key,
                                               const struct user *user) MUST_CHECK;

#endif
