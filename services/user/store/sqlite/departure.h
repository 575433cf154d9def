#ifndef USER_STORE_SQLITE_DEPARTURE_H
#define USER_STORE_SQLITE_DEPARTURE_H

#include "services/user/store/user_data.h"

/* The end of an account. Specified in user_store.h. */

struct user_store;

enum status user_sqlite_departure_delete(struct user_store *store, const char *key,
                                         const struct user_deletion *deletion) MUST_CHECK;
enum status user_sqlite_departure_forget(struct user_store *store,
                                         const struct id *account) MUST_CHECK;
enum status user_sqlite_departure_set(struct user_store *store, const char *key, uint64_t revision,
                                      unsigned departure) MUST_CHECK;
enum status user_sqlite_departure_purge(struct user_store *store) MUST_CHECK;

#endif
