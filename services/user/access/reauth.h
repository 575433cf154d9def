#ifndef USER_ACCESS_REAUTH_H
#define USER_ACCESS_REAUTH_H

#include "services/common/rpc/rpc_server.h"
#include "services/user/login/client_network.h"
#include "services/user/user_service.h"

/* Verifies the password of the account in whose name a method is called; a wrong one counts as a
 * failed log-in. False: the call has failed, with `wrong` as its reason when the password is wrong.
 * Slow on purpose. */
bool reauth_passes(struct user_service *service, struct rpc_request *call, const struct user *user,
                   const struct client_network *network, const char *password, const char *wrong);

#endif
