#ifndef MESSAGE_HANDLERS_RELATIONS_H
#define MESSAGE_HANDLERS_RELATIONS_H

#include "services/common/rpc/rpc_server.h"

/* What users decide about each other, and let each other see: rpc_handler functions, as those of
 * handlers.h. */
void handle_set_relation(void *ctx, struct rpc_request *call, const void *request);
void handle_get_blocked(void *ctx, struct rpc_request *call, const void *request);
void handle_get_visibility(void *ctx, struct rpc_request *call, const void *request);
void handle_set_privacy(void *ctx, struct rpc_request *call, const void *request);

#endif
