#ifndef USER_STORE_SQLITE_SEARCH_H
#define USER_STORE_SQLITE_SEARCH_H

#include "services/common/store/sqlite_db.h"
#include "services/user/store/user_data.h"

struct user_store;

/*
 * Finds users by what is in their tags, as user_store_find says. What a key begins with is a range
 * of the keys; what it holds further on is a range of the tails of keys, which the store keeps
 * beside them, each key cut in two at every place. So it costs as much as there is to be found. If
 * that is very much, a walk through the keys finds enough of it sooner; only where it does not,
 * because they are all far down the alphabet, everything is looked at that holds the part.
 *
 * Appends to `list`, which has room for `most`.
 */
enum status user_sqlite_search_run(struct sqlite_conn *conn, const char *part,
                                   const char *except_key, size_t max,
                                   struct user_list *list) MUST_CHECK;

/* As user_store_find. */
enum status user_sqlite_search_find(struct user_store *store, const char *part,
                                    const char *except_key, size_t max,
                                    struct user_list *list_out) MUST_CHECK;

#endif
