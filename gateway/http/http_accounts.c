#include "gateway/http/http_accounts.h"

#include <stdio.h>
#include <string.h>

#include "common.pb-c.h"
#include "gateway/http/http_answers.h"
#include "gateway/http/http_client.h"
#include "gateway/http/http_forms.h"
#include "gateway/http/http_identity.h"
#include "gateway/http/http_origin.h"
#include "gateway/http/http_request.h"
#include "gateway/http/http_site.h"
#include "gateway/http/http_tokens.h"
#include "gateway/limits/client_address.h"
#include "gateway/socket/no_auth.h"
#include "services/common/base/json.h"
#include "services/common/base/json_writer.h"
#include "services/common/base/log.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

/* --- signed in --------------------------------------------------------------------------- */

static void respond_signed_in(const struct http_site *site, struct http_request *request,
                              const Messenger__Account *account, int64_t expires_at_s,
                              const char *text)
{
    struct token_claims claims = { .expires_at = expires_at_s };

    if (account->user == NULL) { /* of a sign-up that waits only: reply_bounds.h */
        log_error("the user service has answered without the account");
        http_respond_error(request, 500, "InternalError", "Something went wrong.");
        return;
    }
    snprintf(claims.user_id, sizeof(claims.user_id), "%s", account->user->id);
    snprintf(claims.tag, sizeof(claims.tag), "%s", account->user->tag);
    snprintf(claims.email, sizeof(claims.email), "%s", account->email);
    /* The first token of a session has its id: a gateway of an older version knows no other one. */
    snprintf(claims.jti, sizeof(claims.jti), "%s", account->session_id);
    snprintf(claims.session_id, sizeof(claims.session_id), "%s", account->session_id);
    if (http_tokens_issue(site, request, &claims))
        http_answers_text(request, text);
    else
        http_respond_error(request, 500, "InternalError", "Something went wrong.");
}

/* --- reading the forms ------------------------------------------------------------------- */

/* What a form may have besides; borrowed. */
struct extras {
    const char *device; /* the name of the client's device; or NULL */
    const char *invite; /* a code; or "" */
};

static const char bad_device[] = "device: must be 1 to 100 bytes without control characters";

/* What is wrong with them; NULL: nothing. */
static const char *read_extras(const struct json *root, struct extras *extras_out)
{
    const struct json *user = json_member(root, "user");
    const struct json *device = json_member(user, "device"), *invite = json_member(user, "invite");

    *extras_out = (struct extras){ json_text(device), json_text(invite) };
    if (device != NULL && !json_is_null(device) &&
        (extras_out->device == NULL || !http_tokens_is_device(extras_out->device)))
        return bad_device;
    if (invite != NULL && !json_is_null(invite) && extras_out->invite == NULL)
        return "invite: must be a string";
    if (extras_out->invite == NULL)
        extras_out->invite = "";
    return NULL;
}

/* --- routes ------------------------------------------------------------------------------ */

/* The same for an address that has an account: only its owner learns of that, by the mail. */
static void respond_proof_sent(struct http_request *request)
{
    static const char text[] = "A message was sent to this address: follow its link to go on.";

    http_respond(request, 202, "text/plain; charset=utf-8", text, sizeof(text) - 1);
}

static void respond_register_failure(struct http_request *request,
                                     const struct rpc_context *context, const char *method,
                                     enum status status, const struct rpc_error *error)
{
    if (status == STATUS_INVALID_ARGUMENT)
        http_respond_error(request, 400, "IncorrectDataError", error->reason);
    else if (status == STATUS_FORBIDDEN)
        http_respond_error(request, 403,
                           strncmp(error->reason, "invite: ", strlen("invite: ")) == 0
                               ? "InviteError"
                               : "RegistrationClosedError",
                           error->reason);
    else if (status == STATUS_ALREADY_EXISTS)
        http_respond_error(request, 409, "UserAlreadyExistError",
                           strncmp(error->reason, "tag is", strlen("tag is")) == 0
                               ? "A user with this tag exists already."
                               : "A user with this tag or e-mail exists already.");
    else
        http_answers_call_failed(request, context, method, status);
}

static void sign_up(const struct http_site *site, struct http_request *request,
                    const char *const *fields, const struct extras *extras)
{
    Messenger__RegisterRequest registration = MESSENGER__REGISTER_REQUEST__INIT;
    int64_t expires_at_s = http_tokens_expiry(site);
    struct http_tokens_client client;
    Messenger__NewSession session;
    char network[CLIENT_ADDRESS_SIZE];
    Messenger__Account *account;
    struct rpc_context context;
    struct rpc_error error;

    http_client_network(site, request, network);
    registration.tag = wire_borrow(fields[0]);
    registration.first_name = wire_borrow(fields[1]);
    registration.last_name = wire_borrow(fields[2]);
    registration.email = wire_borrow(fields[3]);
    registration.password = wire_borrow(fields[4]);
    registration.client_network = network;
    registration.invite = wire_borrow(extras->invite);
    http_tokens_describe(site, request, extras->device, expires_at_s, &client, &session);
    registration.session = &session;
    rpc_context_start(&context, site->settings->rpc_timeout_ms);
    enum status status = rpc_call(site->bus, &context, "user.Register", &registration.base,
                                  &messenger__account__descriptor, &account, &error);
    if (status == STATUS_OK && account->proof_sent)
        respond_proof_sent(request);
    else if (status == STATUS_OK)
        respond_signed_in(site, request, account, expires_at_s, "Sign up successful");
    else
        respond_register_failure(request, &context, "user.Register", status, &error);
    wire_free(account);
}

static void log_in(const struct http_site *site, struct http_request *request,
                   const char *const *fields, const struct extras *extras)
{
    Messenger__AuthenticateRequest login = MESSENGER__AUTHENTICATE_REQUEST__INIT;
    int64_t expires_at_s = http_tokens_expiry(site);
    struct http_tokens_client client;
    Messenger__NewSession session;
    char network[CLIENT_ADDRESS_SIZE];
    Messenger__Account *account;
    struct rpc_context context;
    struct rpc_error error;

    http_client_network(site, request, network);
    login.email = wire_borrow(fields[0]);
    login.password = wire_borrow(fields[1]);
    login.client_network = network;
    http_tokens_describe(site, request, extras->device, expires_at_s, &client, &session);
    login.session = &session;
    rpc_context_start(&context, site->settings->rpc_timeout_ms);
    enum status status = rpc_call(site->bus, &context, "user.Authenticate", &login.base,
                                  &messenger__account__descriptor, &account, &error);
    if (status == STATUS_OK)
        respond_signed_in(site, request, account, expires_at_s, "Login successful");
    else if (status == STATUS_UNAUTHENTICATED)
        http_respond_error(request, 401, "AuthError", "Incorrect authorization data.");
    else if (status == STATUS_FORBIDDEN)
        http_respond_error(request, 403, "AccountDisabledError", "This account is disabled.");
    else if (status == STATUS_LIMITED)
        http_answers_too_many(request, "RateLimitError", error.retry_after_ms);
    else
        http_answers_call_failed(request, &context, "user.Authenticate", status);
    wire_free(account);
}

/* One that sends a mail counts as one. */
bool http_accounts_admit_sign_up(const struct http_site *site, struct http_request *request)
{
    return http_forms_admit(site, request, site->signups) &&
           (!site->settings->registration_prove_email ||
            http_forms_admit_client(site, request, site->mails));
}

bool http_accounts_admit_log_in(const struct http_site *site, struct http_request *request)
{
    return http_forms_admit(site, request, site->logins);
}

/* What the two forms have in common. */
static void handle_form(const struct http_site *site, struct http_request *request,
                        const char *const *names, size_t count, const char *missing_error,
                        const char *wrong_type_error,
                        void (*proceed)(const struct http_site *, struct http_request *,
                                        const char *const *, const struct extras *))
{
    const char *values[5], *bad;
    struct extras extras;
    struct json *root = http_forms_read(request);

    if (root == NULL)
        return;
    enum http_forms_result result = http_forms_fields(root, names, count, values, &bad);
    if (result != HTTP_FORMS_OK) {
        http_forms_refuse(request, result,
                          result == HTTP_FORMS_MISSING ? missing_error : wrong_type_error, bad);
    } else if ((bad = read_extras(root, &extras)) != NULL) {
        http_respond_error(request, 400, wrong_type_error, bad);
    } else {
        proceed(site, request, values, &extras);
    }
    json_destroy(&root);
}

/* For pages: what to offer, and whether to ask for an invite. */
void http_accounts_registration(const struct http_site *site, struct http_request *request)
{
    struct json_writer w = { 0 };

    json_begin_object(&w);
    json_put_string(&w, "mode", site->settings->registration_mode);
    json_put_bool(&w, "usersInvite", site->settings->registration_invites_per_user > 0);
    json_put_bool(&w, "provesEmail", site->settings->registration_prove_email);
    json_put_bool(&w, "resetsByMail", site->settings->mail.smtp_url[0] != '\0');
    json_end_object(&w);
    http_add_header(request, "Cache-Control", "no-cache");
    http_respond(request, 200, "application/json", buffer_text(&w.out), w.out.length);
    buffer_finish(&w.out);
}

void http_accounts_sign_up(const struct http_site *site, struct http_request *request)
{
    static const char *const names[] = { "tag", "firstName", "lastName", "email", "password" };

    handle_form(site, request, names, 5, "NoSignUpDataProvidedError", "IncorrectDataError",
                sign_up);
}

void http_accounts_log_in(const struct http_site *site, struct http_request *request)
{
    static const char *const names[] = { "email", "password" };

    handle_form(site, request, names, 2, "NoAuthDataProvidedError", "NoAuthDataProvidedError",
                log_in);
}

/* --- the proof of an address --------------------------------------------------------------- */

static void prove(const struct http_site *site, struct http_request *request, const char *code,
                  const char *password, const char *device)
{
    Messenger__ProveEmailRequest proof = MESSENGER__PROVE_EMAIL_REQUEST__INIT;
    int64_t expires_at_s = http_tokens_expiry(site);
    struct http_tokens_client client;
    Messenger__NewSession session;
    char network[CLIENT_ADDRESS_SIZE];
    Messenger__Account *account;
    struct rpc_context context;
    struct rpc_error error;

    http_client_network(site, request, network);
    proof.code = wire_borrow(code);
    proof.password = wire_borrow(password);
    proof.client_network = network;
    http_tokens_describe(site, request, device, expires_at_s, &client, &session);
    proof.session = &session;
    rpc_context_start(&context, site->settings->rpc_timeout_ms);
    enum status status = rpc_call(site->bus, &context, "user.ProveEmail", &proof.base,
                                  &messenger__account__descriptor, &account, &error);
    if (status == STATUS_OK)
        respond_signed_in(site, request, account, expires_at_s, "Sign up successful");
    else if (status == STATUS_UNAUTHENTICATED)
        http_respond_error(request, 401, "AuthError", "This is not the password of the sign-up.");
    else
        respond_register_failure(request, &context, "user.ProveEmail", status, &error);
    wire_free(account);
}

void http_accounts_prove(const struct http_site *site, struct http_request *request)
{
    struct json *root = http_forms_read(request);

    if (root == NULL)
        return;
    const struct json *device = json_member(root, "device");
    const char *code = json_text(json_member(root, "code")), *name = json_text(device);
    const char *password = json_text(json_member(root, "password"));
    if (code == NULL || password == NULL)
        http_respond_error(request, 400, "IncorrectDataError",
                           code == NULL ? "code: is missing" : "password: is missing");
    else if (device != NULL && !json_is_null(device) &&
             (name == NULL || !http_tokens_is_device(name)))
        http_respond_error(request, 400, "IncorrectDataError", bad_device);
    else
        prove(site, request, code, password, name);
    json_destroy(&root);
}

/* --- exit -------------------------------------------------------------------------------- */

/* False: the request has been answered. */
static bool revoke(const struct http_site *site, struct http_request *request,
                   struct token_claims *claims)
{
    Messenger__RevokeTokenRequest revocation = MESSENGER__REVOKE_TOKEN_REQUEST__INIT;
    char network[CLIENT_ADDRESS_SIZE];
    Messenger__Empty *reply = NULL;
    struct rpc_context context;

    revocation.jti = claims->jti;
    revocation.session_id = claims->session_id;
    revocation.expires_at = claims->expires_at;
    revocation.tag = claims->tag;
    http_client_network(site, request, network);
    revocation.client_network = network;
    rpc_context_start(&context, site->settings->rpc_timeout_ms);
    enum status status = rpc_call(site->bus, &context, "user.RevokeToken", &revocation.base,
                                  &messenger__empty__descriptor, &reply, NULL);
    wire_free(reply);
    if (status != STATUS_OK)
        http_answers_call_failed(request, &context, "user.RevokeToken", status);
    return status == STATUS_OK;
}

/* A link or a picture on somebody else's page must not log a user out. */
bool http_accounts_admit_exit(const struct http_site *site, struct http_request *request)
{
    if (strcmp(http_method(request), "HEAD") == 0) { /* changes nothing (RFC 9110 9.2.1) */
        http_answers_text(request, "Exit successful");
        return false;
    }
    if (http_origin_may_act(site->settings, request))
        return true;
    http_respond_error(request, 403, "OriginError", "This page may not log out.");
    return false;
}

void http_accounts_exit(const struct http_site *site, struct http_request *request)
{
    struct http_token tokens[HTTP_IDENTITY_TRIES_MAX];
    size_t count = http_identity_read(site, request, tokens);

    for (size_t i = 0; i < count; i++)
        if (!revoke(site, request, &tokens[i].claims))
            return;
    http_tokens_clear(site, request);
    http_answers_text(request, "Exit successful");
}

/* --- renewal ----------------------------------------------------------------------------- */

bool http_accounts_admit_renewal(const struct http_site *site, struct http_request *request)
{
    return http_forms_admit_client(site, request, site->logins);
}

void http_accounts_renew(const struct http_site *site, struct http_request *request)
{
    int64_t expires_at_s = http_tokens_expiry(site);
    struct http_token token;

    enum http_identity identity = http_identity_find(site, request, &token);
    if (identity == HTTP_KNOWN)
        identity = http_identity_renew(site, request, expires_at_s, &token);
    token.claims.jti[0] = '\0';
    token.claims.expires_at = expires_at_s;
    if (identity == HTTP_CANNOT_TELL)
        http_answers_unavailable(request);
    else if (identity == HTTP_NOBODY)
        http_respond_error(request, 401, NO_AUTH_NAME, NO_AUTH_MISSING);
    else if (http_tokens_issue(site, request, &token.claims))
        http_answers_text(request, "Renewal successful");
    else
        http_respond_error(request, 500, "InternalError", "Something went wrong.");
}
