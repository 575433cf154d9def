#ifndef USER_STORE_SQLITE_READS_H
#define USER_STORE_SQLITE_READS_H

#include "services/user/store/user_data.h"

struct user_store;

/* One account, image or revoked token. Each function is specified in user_store.h. */

enum status user_sqlite_reads_by_email(struct user_store *store, const char *email_key,
                                       struct user *user_out) MUST_CHECK;
enum status user_sqlite_reads_by_keys(struct user_store *store, const char *const *keys,
                                      size_t key_count, struct user_list *list_out) MUST_CHECK;
enum status user_sqlite_reads_get_image(struct user_store *store, const char *name,
                                        char **content_type_out, void **data_out,
                                        size_t *size_out) MUST_CHECK;
enum status user_sqlite_reads_has_image(struct user_store *store, const char *name,
                                        bool *has_out) MUST_CHECK;
enum status user_sqlite_reads_is_revoked(struct user_store *store, const char *jti,
                                         bool *revoked_out) MUST_CHECK;

#endif
