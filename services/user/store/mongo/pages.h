#ifndef USER_STORE_MONGO_PAGES_H
#define USER_STORE_MONGO_PAGES_H

#include "services/user/store/user_data.h"

struct user_store;

/* All accounts, images and revoked tokens, page by page, for a copy. Each function is specified in
 * user_store.h. */

enum status user_mongo_pages_page(struct user_store *store, const char *after_key, size_t max,
                                  struct user_list *list_out) MUST_CHECK;
enum status user_mongo_pages_unannounced(struct user_store *store, const char *after_key,
                                         size_t max, struct user_list *list_out) MUST_CHECK;
enum status user_mongo_pages_image_page(struct user_store *store, const char *after_name,
                                        size_t max, struct user_image_names *names_out) MUST_CHECK;
enum status user_mongo_pages_revoked_page(struct user_store *store, const char *after_jti,
                                          size_t max, struct revoked_list *list_out) MUST_CHECK;
enum status user_mongo_pages_count(struct user_store *store,
                                   struct user_store_counts *counts_out) MUST_CHECK;

#endif
