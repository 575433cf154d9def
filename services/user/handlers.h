#ifndef USER_HANDLERS_H
#define USER_HANDLERS_H

#include "services/common/rpc/rpc_server.h"
#include "services/user/user_service.h"

/* The table of rpc.user.*; proto/user.proto specifies the methods. */
extern const struct rpc_method user_methods[];
extern const size_t user_method_count;

#endif
