#ifndef PRESENCE_HANDLERS_H
#define PRESENCE_HANDLERS_H

#include "services/common/rpc/rpc_server.h"

/* The table of rpc.presence.*, whose context is a struct presence; proto/presence.proto specifies
 * the methods. */
extern const struct rpc_method presence_methods[];
extern const size_t presence_method_count;

#endif
