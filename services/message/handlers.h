#ifndef MESSAGE_HANDLERS_H
#define MESSAGE_HANDLERS_H

#include "services/common/bus/bus.h"
#include "services/common/rpc/rpc_server.h"
#include "services/message/store/message_store.h"
#include "services/message/user_directory.h"

/* What the handlers of this service work with. */
struct message_service {
    struct bus *bus;
    struct message_store *store;
    struct user_directory *users;
};

/* The table of rpc.message.*; see proto/message.proto for what each promises. */
extern const struct rpc_method message_methods[];
extern const size_t message_method_count;

#endif
