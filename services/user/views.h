#ifndef USER_VIEWS_H
#define USER_VIEWS_H

#include "services/common/rpc/rpc_server.h"
#include "services/user/store/user_data.h"
#include "user.pb-c.h"

/* Protobuf views of the store's data, for replies. */

/* Borrows from the user and from `hex`, which gets its id. */
void views_set_user(const struct user *user, char hex[ID_HEX + 1], Messenger__User *view);

/* Those of a user's sessions that are not over. Borrows from the list. */
struct session_views {
    size_t count;
    Messenger__Session **pointers;
    Messenger__Session *items;
};
struct session_views *views_make_sessions(const struct user *user,
                                          const struct user_session_list *list);
void views_free_sessions(struct session_views *views);

/* Answers with a User, or an Account with the id of a session. */
void views_reply_user(struct rpc_request *call, const struct user *user);
void views_reply_account(struct rpc_request *call, const struct user *user, const char *session_id);

#endif
