#ifndef USER_USER_SERVICE_H
#define USER_USER_SERVICE_H

#include "services/common/bus/bus.h"
#include "services/user/announcer.h"
#include "services/user/login_guard.h"
#include "services/user/password.h"
#include "services/user/store/user_store.h"

/* The context of this service's handlers. */
struct user_service {
    struct bus *bus;
    struct user_store *store;
    struct announcer *announcer;
    struct login_guard *guard;
    struct password_cost cost;
    size_t password_min;
    char decoy_hash[USER_HASH_SIZE]; /* verified when the e-mail is unknown, so that both cases take
                                        the same time */
};

#endif
