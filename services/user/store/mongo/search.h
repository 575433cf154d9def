#ifndef USER_STORE_MONGO_SEARCH_H
#define USER_STORE_MONGO_SEARCH_H

#include "services/user/store/user_data.h"

struct user_store;

/* Users by a part of their tag. Each function is specified in user_store.h. */

enum status user_mongo_search_find(struct user_store *store, const char *part,
                                   const char *except_key, size_t max,
                                   struct user_list *list_out) MUST_CHECK;

#endif
