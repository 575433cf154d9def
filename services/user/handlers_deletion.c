#include "services/user/handlers_deletion.h"

#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/user/access/deletion.h"
#include "services/user/access/reauth.h"
#include "services/user/caller.h"

static void delete_account(struct user_service *service, struct rpc_request *call,
                           const struct user *user)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;

    enum status status = deletion_delete(service, user);
    if (status == STATUS_OK) {
        log_info("an account was deleted by its user");
        rpc_request_reply(call, &done.base);
        deletion_follow_up(service, user);
    } else {
        rpc_request_fail(call, status, "another call has changed the password or the sessions");
    }
}

void handle_delete_account(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__DeleteAccountRequest *wanted = request;
    struct client_network network;
    struct user user;

    if (!client_network_parse(wanted->client_network, &network)) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT,
                         "client_network: is neither an address nor a network");
        return;
    }
    enum status status = caller_load_account(service, wanted->account, &user);
    if (status != STATUS_OK)
        rpc_request_fail(call, status, "the account does not exist");
    else if (reauth_passes(service, call, &user, &network, wanted->password,
                           "password: is not the password of this account"))
        delete_account(service, call, &user);
    memory_wipe(user.password_hash, sizeof(user.password_hash));
}
