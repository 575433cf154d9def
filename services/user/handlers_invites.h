#ifndef USER_HANDLERS_INVITES_H
#define USER_HANDLERS_INVITES_H

#include "services/common/rpc/rpc_server.h"
#include "services/user/store/user_data.h"

/* Handlers of the table in handlers.h for the invites of users; proto/user.proto specifies them. */
rpc_handler handle_create_invite, handle_list_invites, handle_revoke_invite;

/* Answers with an InviteList: the invites among these codes. */
void handlers_invites_reply(struct rpc_request *call, const struct user_code_list *codes);

#endif
