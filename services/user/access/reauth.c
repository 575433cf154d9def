#include "services/user/access/reauth.h"

#include "services/user/access/credentials.h"

bool reauth_passes(struct user_service *service, struct rpc_request *call, const struct user *user,
                   const struct client_network *network, const char *password, const char *wrong)
{
    struct login_attempt attempt;
    int64_t retry_after_ms = 0;

    enum status status =
        login_guard_begin(service->guard, user->email_key, &user->id, network,
                          rpc_request_context(call)->deadline_us, &attempt, &retry_after_ms);
    if (status == STATUS_LIMITED) {
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
    status = login_guard_fail(service->guard, &attempt);
    rpc_request_fail(call, status == STATUS_OK ? STATUS_INVALID_ARGUMENT : status, wrong);
    return false;
}
