#ifndef USER_HANDLERS_ACCOUNTS_H
#define USER_HANDLERS_ACCOUNTS_H

#include "services/common/rpc/rpc_server.h"

/* Sign-up and log-in: handlers of the table in handlers.h, specified in proto/user.proto. */
rpc_handler handle_register, handle_prove_email, handle_authenticate;

/* For rpc_server.h: of the methods that hash a password, the network of the client; "" when it is
 * none. */
const char *handlers_accounts_group(const struct rpc_method *method, const void *request);

#endif
