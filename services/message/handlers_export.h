#ifndef MESSAGE_HANDLERS_EXPORT_H
#define MESSAGE_HANDLERS_EXPORT_H

#include "services/common/rpc/rpc_server.h"

/* All messages of a user, in pieces; for the table of handlers.c. */
rpc_handler handle_export;

#endif
