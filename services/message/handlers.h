#ifndef MESSAGE_HANDLERS_H
#define MESSAGE_HANDLERS_H

#include "services/common/rpc/rpc_server.h"

/* The table of rpc.message.*; see proto/message.proto for what each promises. */
extern const struct rpc_method message_methods[];
extern const size_t message_method_count;

#endif
