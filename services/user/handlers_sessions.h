#ifndef USER_HANDLERS_SESSIONS_H
#define USER_HANDLERS_SESSIONS_H

#include "services/common/rpc/rpc_server.h"

/* Handlers of the table in handlers.h by which users see their account, and see and end its
 * sessions; proto/user.proto specifies them. */
rpc_handler handle_get_account, handle_list_sessions, handle_end_session, handle_end_other_sessions;

#endif
