#include "services/user/access/reauth.h"

#include "services/user/access/credentials.h"

static void note_failed(struct user_service *service, const struct reauth *purpose,
                        enum audit_outcome outcome, const struct user *user,
                        const struct client_network *network)
{
    audit_log_note(service->audit, &(struct audit_event){ .kind = purpose->failed,
                                                          .outcome = outcome,
                                                          .by = AUDIT_BY_ANYBODY,
                                                          .user = user,
                                                          .address = network->name });
}

bool reauth_passes(struct user_service *service, struct rpc_request *call,
                   const struct reauth *purpose, const struct user *user,
                   const struct client_network *network, const char *password)
{
    struct login_attempt attempt;
    int64_t retry_after_ms = 0;

    enum status status =
        login_guard_begin(service->guard, user->email_key, &user->id, network,
                          rpc_request_context(call)->deadline_us, &attempt, &retry_after_ms);
    if (status == STATUS_LIMITED) {
        note_failed(service, purpose, AUDIT_LIMITED, user, network);
        rpc_request_limit(call, retry_after_ms, "too many wrong passwords");
        return false;
    }
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, NULL);
        return false;
    }
    if (credentials_verify(user->password_hash, password)) {
        login_guard_pass(service->guard, &attempt);
        return true;
    }
    note_failed(service, purpose, AUDIT_WRONG_PASSWORD, user, network);
    status = login_guard_fail(service->guard, &attempt);
    rpc_request_fail(call, status == STATUS_OK ? STATUS_INVALID_ARGUMENT : status, purpose->wrong);
    return false;
}
