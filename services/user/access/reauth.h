#ifndef USER_ACCESS_REAUTH_H
#define USER_ACCESS_REAUTH_H

#include "services/common/rpc/rpc_server.h"
#include "services/user/audit/audit_kinds.h"
#include "services/user/login/client_network.h"
#include "services/user/user_service.h"

/* What a password is asked for once more. */
struct reauth {
    enum audit_kind failed; /* noted in the audit log when it is wrong */
    const char *wrong;      /* then the reason of the failure */
};

/* Verifies the password of the account in whose name a method is called; a wrong one counts as a
 * failed log-in. False: the call has failed. Slow on purpose. */
bool reauth_passes(struct user_service *service, struct rpc_request *call,
                   const struct reauth *purpose, const struct user *user,
                   const struct client_network *network, const char *password);

#endif
