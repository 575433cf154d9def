#ifndef USER_STORE_SQLITE_SEARCH_H
#define USER_STORE_SQLITE_SEARCH_H

#include "services/common/store/sqlite_db.h"
#include "services/user/store/user_data.h"

struct user_store;

/*
 * Finds users by a part of their tags, as user_store_find specifies. Keys with a prefix are a range
 * of the keys; keys that contain a part are a range of the suffixes of keys, which a table of its
 * own has, one row for each suffix. So the cost grows with the number of matches. If a part is
 * frequent, a scan of the keys in order finds enough matches sooner; only if it does not, because
 * all matches are at the end of the alphabet, are all of them read.
 */
enum status user_sqlite_search_find(struct user_store *store, const char *part,
                                    const char *except_key, size_t max,
                                    struct user_list *list_out) MUST_CHECK;

/* A user with this key is not found any more. Within a transaction. */
enum status user_sqlite_search_remove(struct sqlite_conn *conn, const char *key) MUST_CHECK;

#endif
