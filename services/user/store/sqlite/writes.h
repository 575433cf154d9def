#ifndef USER_STORE_SQLITE_WRITES_H
#define USER_STORE_SQLITE_WRITES_H

#include "services/user/store/user_data.h"

struct user_store;

/* Accounts, images and revoked tokens that are added. Each function is specified in user_store.h.
 */

enum status user_sqlite_writes_add(struct user_store *store, const struct user *user) MUST_CHECK;
enum status user_sqlite_writes_put_image(struct user_store *store,
                                         const struct user_image *image) MUST_CHECK;
enum status user_sqlite_writes_revoke(struct user_store *store, const char *jti,
                                      int64_t expires_at_s, int64_t now_s) MUST_CHECK;

#endif
