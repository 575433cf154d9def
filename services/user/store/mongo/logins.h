#ifndef USER_STORE_MONGO_LOGINS_H
#define USER_STORE_MONGO_LOGINS_H

#include "services/user/store/user_data.h"

struct user_store;

/* Counters of failed log-ins, and the networks of good ones. Each function is specified in
 * user_store.h. */

enum status user_mongo_logins_get_failed(struct user_store *store, const struct id *key,
                                         struct failed_logins *counter_out) MUST_CHECK;
enum status user_mongo_logins_put_failed(struct user_store *store,
                                         const struct failed_logins *counter) MUST_CHECK;
enum status user_mongo_logins_clear_failed(struct user_store *store,
                                           const struct id *key) MUST_CHECK;
enum status user_mongo_logins_prune_failed(struct user_store *store, int64_t now_ms,
                                           size_t max) MUST_CHECK;
enum status user_mongo_logins_get_login(struct user_store *store, const struct id *key,
                                        int64_t *at_ms_out) MUST_CHECK;
enum status user_mongo_logins_put_login(struct user_store *store, const struct id *account,
                                        const struct id *key, int64_t at_ms) MUST_CHECK;

#endif
