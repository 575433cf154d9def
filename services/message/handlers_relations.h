#ifndef MESSAGE_HANDLERS_RELATIONS_H
#define MESSAGE_HANDLERS_RELATIONS_H

#include "services/common/rpc/rpc_server.h"

/* What users decide about each other, and let each other see; for the table of handlers.c. */
rpc_handler handle_set_relation, handle_get_blocked, handle_get_visibility, handle_set_privacy;

#endif
