#ifndef USER_HANDLERS_PASSWORD_H
#define USER_HANDLERS_PASSWORD_H

#include "services/common/rpc/rpc_server.h"

/* Other passwords: handlers of the table in handlers.h, specified in proto/user.proto. */
rpc_handler handle_change_password, handle_reset_password, handle_request_reset;

#endif
