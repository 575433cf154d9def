#include "gateway/http/http_accounts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common.pb-c.h"
#include "gateway/http/http_answers.h"
#include "gateway/http/http_client.h"
#include "gateway/http/http_identity.h"
#include "gateway/http/http_origin.h"
#include "gateway/http/http_request.h"
#include "gateway/http/http_site.h"
#include "gateway/limits/client_address.h"
#include "gateway/limits/ratelimit.h"
#include "services/common/base/clock.h"
#include "services/common/base/json.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

/* --- the cookie -------------------------------------------------------------------------- */

static void set_cookie(const struct http_site *site, struct http_request *request,
                       const char *value, int64_t max_age_s)
{
    char *cookie = xasprintf("%s=%s; HttpOnly; Path=/; SameSite=Lax; Max-Age=%" PRId64 "%s",
                             HTTP_IDENTITY_COOKIE, value, max_age_s,
                             http_client_is_secure(site, request) ? "; Secure" : "");

    http_add_header(request, "Set-Cookie", cookie);
    free(cookie);
}

static void respond_signed_in(const struct http_site *site, struct http_request *request,
                              const Messenger__Account *account, const char *text)
{
    int64_t now_s = clock_wall_ms() / 1000;
    struct token_claims claims = {
        .issued_at = now_s,
        .expires_at = now_s + site->settings->jwt_expires_in_s,
    };

    snprintf(claims.user_id, sizeof(claims.user_id), "%s", account->user->id);
    snprintf(claims.tag, sizeof(claims.tag), "%s", account->user->tag);
    snprintf(claims.email, sizeof(claims.email), "%s", account->email);
    char *token = token_sign(site->settings->jwt_private_key, &claims);
    if (token == NULL) {
        log_error("cannot sign a token");
        http_respond_error(request, 500, "InternalError", "Something went wrong.");
        return;
    }
    set_cookie(site, request, token, site->settings->cookie_max_age_s);
    http_answers_text(request, text);
    free(token);
}

/* --- reading the forms ------------------------------------------------------------------- */

static bool is_json(const struct http_request *request)
{
    static const char json[] = "application/json";
    const char *type = http_header(request, "Content-Type");

    return type != NULL && strncasecmp(type, json, sizeof(json) - 1) == 0 &&
           strchr("; \t", type[sizeof(json) - 1]) != NULL;
}

/* The JSON body, which the caller destroys; NULL: the request has been answered. */
static struct json *read_json(struct http_request *request)
{
    size_t length;
    const char *body = http_body(request, &length);
    struct json *root = length > 0 ? json_parse(body, length) : NULL;

    if (root == NULL)
        http_respond_error(request, 400, "ParseError", "The body is not JSON.");
    return root;
}

enum field_result { FIELDS_OK, FIELD_MISSING, FIELD_NOT_TEXT };

/* The named members of {"user":{...}}, borrowed; `bad_out` names the one that is wrong. */
static enum field_result read_fields(const struct json *root, const char *const *names,
                                     size_t count, const char **values_out, const char **bad_out)
{
    const struct json *user = json_member(root, "user");
    enum field_result result = FIELDS_OK;

    for (size_t i = 0; i < count; i++) {
        const struct json *field = json_is_object(user) ? json_member(user, names[i]) : NULL;
        values_out[i] = json_text(field);
        *bad_out = names[i];
        if (field == NULL || json_is_null(field) ||
            (values_out[i] != NULL && *values_out[i] == '\0'))
            return FIELD_MISSING;
        if (values_out[i] == NULL)
            result = FIELD_NOT_TEXT;
        if (result != FIELDS_OK)
            return result;
    }
    return FIELDS_OK;
}

/* --- routes ------------------------------------------------------------------------------ */

static void respond_register_failure(struct http_request *request,
                                     const struct rpc_context *context, enum status status,
                                     const struct rpc_error *error)
{
    if (status == STATUS_INVALID_ARGUMENT)
        http_respond_error(request, 400, "IncorrectDataError", error->reason);
    else if (status == STATUS_ALREADY_EXISTS)
        http_respond_error(request, 409, "UserAlreadyExistError",
                           "A user with this tag or e-mail exists already.");
    else
        http_answers_call_failed(request, context, "user.Register", status);
}

/* What the user service counts failed log-ins by, and queues hashes by. */
static void find_network(const struct http_site *site, struct http_request *request,
                         char out[CLIENT_ADDRESS_SIZE])
{
    char address[CLIENT_ADDRESS_SIZE];

    http_client_address(site, request, address);
    client_address_group(address, out);
}

static void sign_up(const struct http_site *site, struct http_request *request,
                    const char *const *fields)
{
    Messenger__RegisterRequest registration = MESSENGER__REGISTER_REQUEST__INIT;
    char network[CLIENT_ADDRESS_SIZE];
    Messenger__Account *account;
    struct rpc_context context;
    struct rpc_error error;

    find_network(site, request, network);
    registration.tag = wire_borrow(fields[0]);
    registration.first_name = wire_borrow(fields[1]);
    registration.last_name = wire_borrow(fields[2]);
    registration.email = wire_borrow(fields[3]);
    registration.password = wire_borrow(fields[4]);
    registration.client_network = network;
    rpc_context_start(&context, site->settings->rpc_timeout_ms);
    enum status status = rpc_call(site->bus, &context, "user.Register", &registration.base,
                                  &messenger__account__descriptor, &account, &error);
    if (status == STATUS_OK)
        respond_signed_in(site, request, account, "Sign up successful");
    else
        respond_register_failure(request, &context, status, &error);
    wire_free(account);
}

static void log_in(const struct http_site *site, struct http_request *request,
                   const char *const *fields)
{
    Messenger__AuthenticateRequest login = MESSENGER__AUTHENTICATE_REQUEST__INIT;
    char network[CLIENT_ADDRESS_SIZE];
    Messenger__Account *account;
    struct rpc_context context;
    struct rpc_error error;

    find_network(site, request, network);
    login.email = wire_borrow(fields[0]);
    login.password = wire_borrow(fields[1]);
    login.client_network = network;
    rpc_context_start(&context, site->settings->rpc_timeout_ms);
    enum status status = rpc_call(site->bus, &context, "user.Authenticate", &login.base,
                                  &messenger__account__descriptor, &account, &error);
    if (status == STATUS_OK)
        respond_signed_in(site, request, account, "Login successful");
    else if (status == STATUS_UNAUTHENTICATED)
        http_respond_error(request, 401, "AuthError", "Incorrect authorization data.");
    else if (status == STATUS_LIMITED)
        http_answers_too_many(request, "RateLimitError", error.retry_after_ms);
    else
        http_answers_call_failed(request, &context, "user.Authenticate", status);
    wire_free(account);
}

/* Before the body is read: a client beyond its limit sends it for nothing. */
static bool admit_form(const struct http_site *site, struct http_request *request,
                       struct ratelimit *limit)
{
    char group[CLIENT_ADDRESS_SIZE];
    int64_t retry_after_ms;

    if (!is_json(request)) {
        http_respond_error(request, 415, "UnsupportedMediaTypeError",
                           "Content-Type must be application/json.");
        return false;
    }
    find_network(site, request, group);
    if (ratelimit_admit(limit, group, &retry_after_ms))
        return true;
    http_answers_too_many(request, "RateLimitError", retry_after_ms);
    return false;
}

bool http_accounts_admit_sign_up(const struct http_site *site, struct http_request *request)
{
    return admit_form(site, request, site->signups);
}

bool http_accounts_admit_log_in(const struct http_site *site, struct http_request *request)
{
    return admit_form(site, request, site->logins);
}

/* What the two forms have in common. */
static void handle_form(const struct http_site *site, struct http_request *request,
                        const char *const *names, size_t count, const char *missing_error,
                        const char *wrong_type_error,
                        void (*proceed)(const struct http_site *, struct http_request *,
                                        const char *const *))
{
    const char *values[5], *bad;
    char message[80];
    struct json *root = read_json(request);

    if (root == NULL)
        return;
    switch (read_fields(root, names, count, values, &bad)) {
    case FIELD_MISSING:
        snprintf(message, sizeof(message), "%s: is missing", bad);
        http_respond_error(request, 400, missing_error, message);
        break;
    case FIELD_NOT_TEXT:
        snprintf(message, sizeof(message), "%s: must be a string", bad);
        http_respond_error(request, 400, wrong_type_error, message);
        break;
    case FIELDS_OK:
        proceed(site, request, values);
        break;
    }
    json_destroy(&root);
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

/* --- exit -------------------------------------------------------------------------------- */

/* False: the request has been answered. */
static bool revoke(const struct http_site *site, struct http_request *request,
                   struct token_claims *claims)
{
    Messenger__RevokeTokenRequest revocation = MESSENGER__REVOKE_TOKEN_REQUEST__INIT;
    Messenger__Empty *reply = NULL;
    struct rpc_context context;

    revocation.jti = claims->jti;
    revocation.expires_at = claims->expires_at;
    revocation.tag = claims->tag;
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
    struct token_claims claims[HTTP_IDENTITY_TRIES_MAX];
    size_t count = http_identity_read_claims(site, request, claims);

    for (size_t i = 0; i < count; i++)
        if (!revoke(site, request, &claims[i]))
            return;
    set_cookie(site, request, "", 0);
    http_answers_text(request, "Exit successful");
}
