#ifndef USER_HANDLERS_TOKENS_H
#define USER_HANDLERS_TOKENS_H

#include "services/common/rpc/rpc_server.h"

/* Handlers of the table in handlers.h for tokens, and for the accounts that they were issued for;
 * proto/user.proto specifies them. */
rpc_handler handle_revoke_token, handle_check_token, handle_renew_token, handle_find_revoked;

#endif
