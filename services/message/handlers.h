#ifndef MESSAGE_HANDLERS_H
#define MESSAGE_HANDLERS_H

#include "services/common/rpc/rpc_server.h"

/* The table of rpc.message.*; proto/message.proto specifies the methods. */
extern const struct rpc_method message_methods[];
extern const size_t message_method_count;

#endif
