#ifndef USER_HANDLERS_H
#define USER_HANDLERS_H

#include "services/common/bus/bus.h"
#include "services/common/rpc/rpc_server.h"
#include "services/user/announcer.h"
#include "services/user/password.h"
#include "services/user/store/user_store.h"

/* The context of this service's handlers. */
struct user_service {
    struct bus *bus;
    struct user_store *store;
    struct announcer *announcer;
    struct password_cost cost;
    size_t password_min;
    char decoy_hash[USER_HASH_SIZE]; /* verified when the e-mail is unknown, so that both cases take
                                        the same time */
};

/* The table of rpc.user.*; proto/user.proto specifies the methods. */
extern const struct rpc_method user_methods[];
extern const size_t user_method_count;

#endif
