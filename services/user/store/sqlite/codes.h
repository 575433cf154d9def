#ifndef USER_STORE_SQLITE_CODES_H
#define USER_STORE_SQLITE_CODES_H

#include "services/user/store/user_data.h"

/* One-time codes; specified in user_store.h. */

struct user_store;

enum status user_sqlite_codes_add(struct user_store *store, const struct user_code *code,
                                  int64_t now_s) MUST_CHECK;
enum status user_sqlite_codes_get(struct user_store *store, const struct id *key,
                                  struct user_code *code_out) MUST_CHECK;
enum status user_sqlite_codes_use(struct user_store *store, const struct user_code *code,
                                  int64_t used_ms_before) MUST_CHECK;
enum status user_sqlite_codes_delete(struct user_store *store, const struct id *key) MUST_CHECK;
enum status user_sqlite_codes_of_account(struct user_store *store, enum user_code_kind kind,
                                         const struct id *account, size_t max,
                                         struct user_code_list *list_out) MUST_CHECK;
enum status user_sqlite_codes_page(struct user_store *store, const struct id *after, size_t max,
                                   struct user_code_list *list_out) MUST_CHECK;

#endif
