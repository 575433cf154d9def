#ifndef USER_STORE_MONGO_SESSIONS_H
#define USER_STORE_MONGO_SESSIONS_H

#include "services/user/store/user_data.h"

/* Sessions and credentials; specified in user_store.h. */

struct user_store;

enum status user_mongo_sessions_set_credentials(struct user_store *store, const char *key,
                                                const struct user_credentials *change) MUST_CHECK;
enum status user_mongo_sessions_add(struct user_store *store, const struct user_session *session,
                                    int64_t now_s) MUST_CHECK;
enum status user_mongo_sessions_get(struct user_store *store, const char *id,
                                    struct user_session *session_out) MUST_CHECK;
enum status user_mongo_sessions_touch(struct user_store *store, const char *id, int64_t seen_ms,
                                      int64_t expires_at_s, const char *address) MUST_CHECK;
enum status user_mongo_sessions_delete(struct user_store *store, const char *id) MUST_CHECK;
enum status user_mongo_sessions_of_account(struct user_store *store, const struct id *account,
                                           size_t max,
                                           struct user_session_list *list_out) MUST_CHECK;
enum status user_mongo_sessions_page(struct user_store *store, const char *after_id, size_t max,
                                     struct user_session_list *list_out) MUST_CHECK;

#endif
