#ifndef MESSAGE_HANDLERS_CHANGES_H
#define MESSAGE_HANDLERS_CHANGES_H

#include "services/common/rpc/rpc_server.h"
#include "sync.pb-c.h"

/* Handlers of the table in handlers.h for missed changes and for contacts; proto/sync.proto and
 * proto/message.proto specify them. */
rpc_handler handle_get_changes, handle_get_positions, handle_get_contacts;

#endif
