#include "services/user/handlers_deletion.h"

#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/user/access/deletion.h"
#include "services/user/access/reauth.h"
#include "services/user/caller.h"

static const struct reauth by_password = {
    .failed = AUDIT_ACCOUNT_DELETION_FAILED,
    .wrong = "password: is not the password of this account",
};

static void delete_account(struct user_service *service, struct rpc_request *call,
                           const struct user *user, const char *network)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;

    enum status status = deletion_delete(service, user);
    if (status == STATUS_OK) {
        audit_log_note(service->audit, &(struct audit_event){ .kind = AUDIT_ACCOUNT_DELETED,
                                                              .by = AUDIT_BY_USER,
                                                              .user = user,
                                                              .address = network });
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
    else if (reauth_passes(service, call, &by_password, &user, &network, wanted->password))
        delete_account(service, call, &user, network.name);
    memory_wipe(user.password_hash, sizeof(user.password_hash));
}
