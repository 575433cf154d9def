#ifndef USER_HANDLERS_AUDIT_H
#define USER_HANDLERS_AUDIT_H

#include "services/common/rpc/rpc_server.h"

/* The audit log for the administrator: a handler of the table in handlers_admin.h, specified in
 * proto/admin.proto. */
rpc_handler handle_list_audit;

#endif
