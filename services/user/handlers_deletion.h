#ifndef USER_HANDLERS_DELETION_H
#define USER_HANDLERS_DELETION_H

#include "services/common/rpc/rpc_server.h"

/* The end of an account: a handler of the table in handlers.h, specified in proto/user.proto. */
rpc_handler handle_delete_account;

#endif
