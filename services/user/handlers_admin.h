#ifndef USER_HANDLERS_ADMIN_H
#define USER_HANDLERS_ADMIN_H

#include <stddef.h>

#include "services/common/rpc/rpc_server.h"

/* The table of rpc.admin.*; proto/admin.proto specifies the methods. Their context is a struct
 * user_service. */
extern const struct rpc_method admin_methods[];
extern const size_t admin_method_count;

#endif
