#ifndef MESSAGE_HANDLERS_CHANGES_H
#define MESSAGE_HANDLERS_CHANGES_H

#include "services/common/rpc/rpc_server.h"
#include "sync.pb-c.h"

/* What a user has missed, and whom it may concern: handlers of the table in handlers.h; see
 * proto/sync.proto and proto/message.proto for what each promises. */
rpc_handler handle_get_changes, handle_get_positions, handle_get_contacts;

#endif
