#ifndef USER_HANDLERS_AUDIT_H
#define USER_HANDLERS_AUDIT_H

#include "services/common/rpc/rpc_server.h"

/* The audit log for the administrator, of the table in handlers_admin.h (proto/admin.proto), and
 * for the owner of an account, of the table in handlers.h (proto/user.proto). */
rpc_handler handle_list_audit, handle_list_own_audit;

#endif
