#ifndef USER_HANDLERS_ACCOUNTS_H
#define USER_HANDLERS_ACCOUNTS_H

#include "services/common/rpc/rpc_server.h"

/* Handlers of the table in handlers.h that hash a password; proto/user.proto specifies them. */
rpc_handler handle_register, handle_authenticate, handle_change_password;

/* For rpc_server.h: of these methods, the network of the client; "" when it is none. */
const char *handlers_accounts_group(const struct rpc_method *method, const void *request);

#endif
