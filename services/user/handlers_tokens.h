#ifndef USER_HANDLERS_TOKENS_H
#define USER_HANDLERS_TOKENS_H

#include <stdbool.h>

#include "services/common/rpc/rpc_server.h"
#include "services/user/store/user_data.h"

/* Handlers of the table in handlers.h for tokens, and for the accounts that they were issued for;
 * proto/user.proto specifies them. */
rpc_handler handle_revoke_token, handle_check_token, handle_find_revoked;

/* Whether the user is the account with this id, of 24 hex digits. */
bool handlers_tokens_is_account(const struct user *user, const char *id);

#endif
