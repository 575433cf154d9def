#include "services/user/handlers_password.h"

#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/user/access/codes.h"
#include "services/user/access/credentials.h"
#include "services/user/access/reauth.h"
#include "services/user/access/sessions.h"
#include "services/user/caller.h"
#include "services/user/login/client_network.h"
#include "services/user/mail/mails.h"
#include "services/user/rules/user_rules.h"

/* --- by the old one ------------------------------------------------------------------------ */

static const struct reauth by_old_password = {
    .failed = AUDIT_PASSWORD_CHANGE_FAILED,
    .wrong = "oldPassword: is not the password of this account",
};

static void note(struct user_service *service, enum audit_kind kind, enum audit_outcome outcome,
                 enum audit_actor by, const struct user *user, const char *network)
{
    audit_log_note(
        service->audit,
        &(struct audit_event){
            .kind = kind, .outcome = outcome, .by = by, .user = user, .address = network });
}

/* The old password is right. */
static void change_password(struct user_service *service, struct rpc_request *call,
                            const struct user *user,
                            const Messenger__ChangePasswordRequest *request)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;
    char hash[USER_HASH_SIZE];
    struct user_credentials change = {
        .before = user,
        .password_hash = hash,
        .ends_sessions = true,
        .kept_session = request->kept_session,
    };

    enum status status = credentials_hash(service, request->new_password, hash);
    if (status == STATUS_OK)
        status = user_store_set_credentials(service->store, &change);
    memory_wipe(hash, sizeof(hash));
    if (status == STATUS_OK) {
        note(service, AUDIT_PASSWORD_CHANGED, AUDIT_OK, AUDIT_BY_USER, user,
             request->client_network);
        sessions_publish_end_of_others(service, user, request->kept_session);
        rpc_request_reply(call, &done.base);
    } else {
        rpc_request_fail(call, status, "another call has changed the password or the sessions");
    }
}

void handle_change_password(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__ChangePasswordRequest *wanted = request;
    struct client_network network;
    struct user user;

    const char *problem =
        user_rules_check_password("newPassword", wanted->new_password, service->password_min);
    if (problem == NULL)
        problem = client_network_check(wanted->client_network, &network);
    if (problem == NULL && !sessions_is_id(wanted->kept_session))
        problem = "kept_session: is none";
    if (problem != NULL) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
        return;
    }
    enum status status = caller_load_account(service, wanted->account, &user);
    if (status != STATUS_OK)
        rpc_request_fail(call, status, "the account does not exist");
    else if (reauth_passes(service, call, &by_old_password, &user, &network, wanted->old_password))
        change_password(service, call, &user, wanted);
    memory_wipe(user.password_hash, sizeof(user.password_hash));
}

/* --- by a code ----------------------------------------------------------------------------- */

static const char bad_code[] = "code: is unknown, expired, or used";

/* The code that was used stays. */
static void drop_other_codes(struct user_service *service, const struct user *user)
{
    enum status status = codes_drop(service, USER_CODE_RESET, user);

    if (status == STATUS_OK)
        status = codes_drop(service, USER_CODE_MAILED_RESET, user);
    if (status != STATUS_OK)
        log_warn("other codes to reset a password stay good: %s", status_name(status));
}

/* Uses the code, and gives it back when the password could not be stored. */
static enum status reset_password(struct user_service *service, const struct user *user,
                                  const struct user_code *code, const char *hash)
{
    struct user_credentials change = { .before = user,
                                       .password_hash = hash,
                                       .ends_sessions = true,
                                       .kept_session = "",
                                       .disabled = user->disabled };
    struct user_code used;

    enum status status = codes_use(service, code, &user->id, user->tag, &used);
    if (status != STATUS_OK)
        return status;
    status = user_store_set_credentials(service->store, &change);
    if (status != STATUS_OK) {
        codes_give_back(service, &used);
        return status;
    }
    sessions_publish_end_of_others(service, user, "");
    drop_other_codes(service, user);
    return STATUS_OK;
}

static enum status find_and_reset(struct user_service *service, const struct user_code *code,
                                  const Messenger__ResetPasswordRequest *wanted)
{
    char hash[USER_HASH_SIZE], id[ID_HEX + 1];
    struct user user;

    id_to_hex(&code->account, id);
    enum status status = caller_load(service, code->account_tag, id, &user);
    if (status == STATUS_OK)
        status = credentials_hash(service, wanted->new_password, hash);
    if (status == STATUS_OK)
        status = reset_password(service, &user, code, hash);
    if (status == STATUS_OK)
        note(service, code->kind == USER_CODE_RESET ? AUDIT_RESET_LINK_USED : AUDIT_RESET_MAIL_USED,
             AUDIT_OK, AUDIT_BY_USER, &user, wanted->client_network);
    memory_wipe(hash, sizeof(hash));
    memory_wipe(user.password_hash, sizeof(user.password_hash));
    return status;
}

/* Not the code of an account that is gone or disabled. */
void handle_reset_password(void *ctx, struct rpc_request *call, const void *request)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;
    struct user_service *service = ctx;
    const Messenger__ResetPasswordRequest *wanted = request;
    struct client_network network;
    struct user_code code;

    const char *problem =
        user_rules_check_password("password", wanted->new_password, service->password_min);
    if (problem == NULL)
        problem = client_network_check(wanted->client_network, &network);
    if (problem != NULL) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
        return;
    }
    enum status status = codes_find(service, USER_CODE_RESET, wanted->code, &code);
    if (status == STATUS_OK)
        status = find_and_reset(service, &code, wanted);
    if (status == STATUS_OK)
        rpc_request_reply(call, &done.base);
    else if (status == STATUS_FORBIDDEN || status == STATUS_UNAUTHENTICATED)
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, bad_code);
    else
        rpc_request_fail(call, status, NULL);
}

/* --- by mail -------------------------------------------------------------------------------- */

/* Nothing here depends on whether an account has the address: neither the answer nor the time. */
void handle_request_reset(void *ctx, struct rpc_request *call, const void *request)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;
    struct user_service *service = ctx;
    const Messenger__RequestResetRequest *wanted = request;
    char email_key[USER_EMAIL_SIZE];
    struct client_network network;

    const char *problem = user_rules_check_email(wanted->email, email_key);
    if (problem == NULL)
        problem = client_network_check(wanted->client_network, &network);
    if (service->mailer == NULL) {
        rpc_request_fail(call, STATUS_FORBIDDEN, "mail: is not configured");
    } else if (problem != NULL) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
    } else {
        mails_request_reset(service, email_key, &network);
        rpc_request_reply(call, &done.base);
    }
}
