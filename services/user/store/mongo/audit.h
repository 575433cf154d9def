#ifndef USER_STORE_MONGO_AUDIT_H
#define USER_STORE_MONGO_AUDIT_H

#include "services/user/store/user_data.h"

/* The audit log; specified in user_store.h. */

struct user_store;

enum status user_mongo_audit_put(struct user_store *store, const struct user_audit_entry *entries,
                                 size_t count) MUST_CHECK;
enum status user_mongo_audit_list(struct user_store *store, const struct user_audit_filter *filter,
                                  size_t max, struct user_audit_list *list_out) MUST_CHECK;
enum status user_mongo_audit_prune(struct user_store *store, int64_t before_ms,
                                   const size_t *max) MUST_CHECK;
enum status user_mongo_audit_forget(struct user_store *store, const struct id *account) MUST_CHECK;

#endif
