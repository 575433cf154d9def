#include "services/user/handlers_accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.pb-c.h"
#include "services/common/base/mail_address.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/user/access/credentials.h"
#include "services/user/access/proofs.h"
#include "services/user/access/registration.h"
#include "services/user/access/sessions.h"
#include "services/user/handlers_deletion.h"
#include "services/user/handlers_password.h"
#include "services/user/login/client_network.h"
#include "services/user/mail/mails.h"
#include "services/user/rules/user_rules.h"
#include "services/user/user_service.h"
#include "services/user/views.h"

const char *handlers_accounts_group(const struct rpc_method *method, const void *request)
{
    struct client_network network;
    const char *text = "";

    if (method->handle == handle_register)
        text = ((const Messenger__RegisterRequest *)request)->client_network;
    else if (method->handle == handle_authenticate)
        text = ((const Messenger__AuthenticateRequest *)request)->client_network;
    else if (method->handle == handle_change_password)
        text = ((const Messenger__ChangePasswordRequest *)request)->client_network;
    else if (method->handle == handle_delete_account)
        text = ((const Messenger__DeleteAccountRequest *)request)->client_network;
    else if (method->handle == handle_prove_email)
        text = ((const Messenger__ProveEmailRequest *)request)->client_network;
    else if (method->handle == handle_reset_password)
        text = ((const Messenger__ResetPasswordRequest *)request)->client_network;
    return client_network_parse(text, &network) ? text : "";
}

/* --- sign-up ----------------------------------------------------------------------------- */

static const char *check_registration(const struct user_service *service,
                                      const Messenger__RegisterRequest *request, struct user *user)
{
    const char *problem = user_rules_check_tag(request->tag);

    if (problem == NULL && registration_is_reserved(service->reserved_tags, request->tag))
        problem = "tag: is reserved";
    if (problem == NULL)
        problem = user_rules_check_name("firstName", request->first_name, user->first_name);
    if (problem == NULL)
        problem = user_rules_check_name("lastName", request->last_name, user->last_name);
    if (problem == NULL)
        problem = user_rules_check_email(request->email, user->email_key);
    if (problem == NULL && service->proves_email && !mail_address_is_valid(request->email))
        problem = "email: mail cannot be sent to this address";
    if (problem == NULL)
        problem = user_rules_check_password("password", request->password, service->password_min);
    if (problem == NULL) {
        snprintf(user->tag, sizeof(user->tag), "%s", request->tag);
        snprintf(user->email, sizeof(user->email), "%s", request->email);
        snprintf(user->img, sizeof(user->img), "%s", USER_RULES_DEFAULT_IMAGE);
    }
    return problem;
}

static void publish_registered(struct user_service *service, const struct user *user)
{
    Messenger__UserRegistered event = MESSENGER__USER_REGISTERED__INIT;
    Messenger__User view;
    char hex[ID_HEX + 1];

    views_set_user(user, hex, &view);
    event.user = &view;
    wire_publish(service->bus, "event.user.registered", &event.base);
}

/* What the owner of an account has done. */
static void note_done(struct user_service *service, enum audit_kind kind, const struct user *user,
                      const struct client_network *network, const Messenger__NewSession *session,
                      const char *subject)
{
    struct audit_event event = { .kind = kind,
                                 .by = AUDIT_BY_USER,
                                 .user = user,
                                 .address = network->name,
                                 .subject = subject };

    if (session != NULL) {
        event.device = session->device;
        if (*session->address != '\0')
            event.address = session->address;
    }
    audit_log_note(service->audit, &event);
}

/* Begins a session, if the gateway knows of sessions, and answers with the account. */
static void reply_logged_in(struct user_service *service, struct rpc_request *call,
                            enum audit_kind kind, const struct user *user,
                            const struct client_network *network,
                            const Messenger__NewSession *session)
{
    char id[USER_SESSION_SIZE] = "";

    enum status status = session != NULL ? sessions_begin(service, user, session, id) : STATUS_OK;
    if (status == STATUS_OK || kind == AUDIT_SIGN_UP)
        note_done(service, kind, user, network, session, id);
    if (status == STATUS_OK)
        views_reply_account(call, user, id);
    else
        rpc_request_fail(call, status, NULL);
}

static void note_invite(struct user_service *service, const struct user *user,
                        const struct client_network *network, const struct user_code *invite)
{
    char hex[ID_HEX + 1];

    if (invite->expires_at_s == 0)
        return;
    id_to_hex(&invite->key, hex);
    note_done(service, AUDIT_INVITE_USED, user, network, NULL, hex);
}

/* Makes the account. */
static enum status add_account(struct user_service *service, const struct user *user,
                               const struct client_network *network, struct user_code *invite,
                               const char **reason_out)
{
    enum status status = registration_take(service, invite, user, reason_out);

    if (status != STATUS_OK)
        return status;
    status = user_store_add(service->store, user);
    if (status != STATUS_OK) {
        registration_give_back(service, invite);
        *reason_out = "tag or e-mail is taken";
        return status;
    }
    login_guard_note(service->guard, &user->id, network);
    note_invite(service, user, network, invite);
    publish_registered(service, user);
    return STATUS_OK;
}

static void finish_register(struct user_service *service, struct rpc_request *call,
                            const Messenger__RegisterRequest *registration, const struct user *user,
                            const struct client_network *network, struct user_code *invite)
{
    const char *reason = NULL;

    enum status status = add_account(service, user, network, invite, &reason);
    if (status == STATUS_OK)
        reply_logged_in(service, call, AUDIT_SIGN_UP, user, network, registration->session);
    else
        rpc_request_fail(call, status, reason);
}

/* Nothing here depends on whether an account has the address: neither the answer nor the time. */
static void finish_pending(struct user_service *service, struct rpc_request *call,
                           const struct user *user, const struct client_network *network,
                           const struct user_code *invite)
{
    Messenger__Account reply = MESSENGER__ACCOUNT__INIT;
    char secret[CODES_SECRET_SIZE];

    enum status status = proofs_begin(service, user, invite, secret);
    if (status == STATUS_OK) {
        mails_request_proof(service, secret, network);
        reply.proof_sent = true;
        rpc_request_reply(call, &reply.base);
    } else {
        rpc_request_fail(call, status, NULL);
    }
    memory_wipe(secret, sizeof(secret));
}

/* A tag is no secret. That of an account is refused before it is proven that it cannot be had. */
static enum status check_tag_is_free(struct user_service *service, const char *tag,
                                     const char **problem_out)
{
    char key[TAG_SIZE];
    const char *keys[] = { key };
    struct user_list list = { 0 };
    enum status status = STATUS_OK;

    if (tag_to_key(tag, key))
        status = user_store_by_keys(service->store, keys, 1, &list);
    if (status == STATUS_OK && list.count > 0) {
        status = STATUS_ALREADY_EXISTS;
        *problem_out = "tag is taken";
    }
    free(list.items);
    return status;
}

void handle_register(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__RegisterRequest *registration = request;
    struct client_network network;
    struct user_code invite;
    struct user user = { .tag = "" };
    enum status status = STATUS_INVALID_ARGUMENT;

    const char *problem = check_registration(service, registration, &user);
    if (problem == NULL)
        problem = client_network_check(registration->client_network, &network);
    if (problem == NULL && registration->session != NULL)
        problem = sessions_check_new(registration->session);
    if (problem == NULL)
        status = registration_admit(service, registration->invite, &invite, &problem);
    if (status == STATUS_OK && service->proves_email)
        status = check_tag_is_free(service, registration->tag, &problem);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, problem);
        return;
    }
    user.id = id_new();
    if (credentials_hash(service, registration->password, user.password_hash) != STATUS_OK)
        rpc_request_fail(call, STATUS_UNAVAILABLE, "no memory to hash a password");
    else if (service->proves_email)
        finish_pending(service, call, &user, &network, &invite);
    else
        finish_register(service, call, registration, &user, &network, &invite);
    memory_wipe(user.password_hash, sizeof(user.password_hash));
}

/* --- the proof of an address --------------------------------------------------------------- */

static const char bad_code[] = "code: is unknown, expired, or used";

/* The code is that of a pending sign-up. */
static enum status prove(struct user_service *service, const struct user_pending *pending,
                         const char *password, const struct client_network *network,
                         struct user *user_out, const char **reason_out)
{
    struct user_code invite;

    if (!credentials_verify(pending->user.password_hash, password))
        return STATUS_UNAUTHENTICATED;
    enum status status = registration_admit_again(service, &pending->invite, &invite, reason_out);
    if (status != STATUS_OK)
        return status;
    *user_out = pending->user;
    user_out->id = id_new();
    status = add_account(service, user_out, network, &invite, reason_out);
    if (status == STATUS_OK)
        proofs_end(service, pending);
    return status;
}

void handle_prove_email(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__ProveEmailRequest *wanted = request;
    const char *problem = wanted->session != NULL ? sessions_check_new(wanted->session) : NULL;
    struct client_network network;
    struct user_pending pending;
    enum status status = STATUS_INVALID_ARGUMENT;
    struct user user;

    if (problem == NULL)
        problem = client_network_check(wanted->client_network, &network);
    if (problem == NULL) {
        status = proofs_find(service, wanted->code, &pending);
        if (status == STATUS_FORBIDDEN) {
            status = STATUS_INVALID_ARGUMENT;
            problem = bad_code;
        }
    }
    if (status == STATUS_OK)
        status = prove(service, &pending, wanted->password, &network, &user, &problem);
    if (status == STATUS_OK)
        reply_logged_in(service, call, AUDIT_SIGN_UP, &user, &network, wanted->session);
    else
        rpc_request_fail(call, status, problem);
    memory_wipe(&pending, sizeof(pending));
    memory_wipe(&user, sizeof(user));
}

/* --- log-in ------------------------------------------------------------------------------ */

/* The name that no account has is not recorded: people type passwords there. */
static void note_refused(struct user_service *service, enum audit_kind kind,
                         enum audit_outcome outcome, const struct user *user,
                         const Messenger__AuthenticateRequest *login)
{
    audit_log_note(service->audit,
                   &(struct audit_event){
                       .kind = kind,
                       .outcome = outcome,
                       .user = user->tag[0] != '\0' ? user : NULL,
                       .address = login->client_network,
                       .device = login->session != NULL ? login->session->device : NULL,
                   });
}

/* The password is right. */
static void let_in(struct user_service *service, struct rpc_request *call, const struct user *user,
                   const struct client_network *network,
                   const Messenger__AuthenticateRequest *login)
{
    if (user->disabled) {
        note_refused(service, AUDIT_LOG_IN_FAILED, AUDIT_DISABLED, user, login);
        rpc_request_fail(call, STATUS_FORBIDDEN, "the account is disabled");
        return;
    }
    credentials_strengthen(service, user, login->password);
    reply_logged_in(service, call, AUDIT_LOG_IN, user, network, login->session);
}

static void verify(struct user_service *service, struct rpc_request *call,
                   struct login_attempt *attempt, const struct user *user,
                   const Messenger__AuthenticateRequest *login)
{
    bool is_known = user->tag[0] != '\0';

    if (credentials_verify(is_known ? user->password_hash : service->decoy_hash, login->password) &&
        is_known) {
        login_guard_pass(service->guard, attempt);
        let_in(service, call, user, &attempt->network, login);
        return;
    }
    note_refused(service, AUDIT_LOG_IN_FAILED, is_known ? AUDIT_WRONG_PASSWORD : AUDIT_UNKNOWN_NAME,
                 user, login);
    enum status status = login_guard_fail(service->guard, attempt);
    rpc_request_fail(call, status == STATUS_OK ? STATUS_UNAUTHENTICATED : status, NULL);
}

/* `user` has no tag when nobody has the e-mail. */
static void authenticate(struct user_service *service, struct rpc_request *call,
                         const Messenger__AuthenticateRequest *login, const char *email,
                         const struct user *user)
{
    struct client_network network;
    struct login_attempt attempt;
    int64_t retry_after_ms = 0;
    const char *problem = login->session != NULL ? sessions_check_new(login->session) : NULL;

    if (problem == NULL)
        problem = client_network_check(login->client_network, &network);
    if (problem != NULL) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
        return;
    }
    enum status status =
        login_guard_begin(service->guard, email, user->tag[0] != '\0' ? &user->id : NULL, &network,
                          rpc_request_context(call)->deadline_us, &attempt, &retry_after_ms);
    if (status == STATUS_OK) {
        verify(service, call, &attempt, user, login);
    } else if (status == STATUS_LIMITED) {
        note_refused(service, AUDIT_LOG_IN_LIMITED, AUDIT_LIMITED, user, login);
        rpc_request_limit(call, retry_after_ms, "too many failed log-ins");
    } else {
        rpc_request_fail(call, status, NULL);
    }
}

void handle_authenticate(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__AuthenticateRequest *login = request;
    char email_key[USER_EMAIL_SIZE] = "";
    struct user user = { .tag = "" };
    enum status status = STATUS_NOT_FOUND;

    bool is_email = user_rules_check_email(login->email, email_key) == NULL;
    if (is_email)
        status = user_store_by_email(service->store, email_key, &user);
    if (status == STATUS_OK || status == STATUS_NOT_FOUND)
        authenticate(service, call, login, is_email ? email_key : login->email, &user);
    else
        rpc_request_fail(call, status, NULL);
    memory_wipe(user.password_hash, sizeof(user.password_hash));
}
