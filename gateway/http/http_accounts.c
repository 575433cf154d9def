#include "gateway/http/http_accounts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common.pb-c.h"
#include "gateway/limits/client_address.h"
#include "services/common/base/clock.h"
#include "services/common/base/json.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

enum { BODY_MOST = 64 * 1024, FORWARDED_MOST = 64 /* as many headers as a request may have */ };
#define COOKIE "auth"

/* --- who is it --------------------------------------------------------------------------- */

static bool from_trusted_proxy(const struct gateway *gateway, const struct http_request *request)
{
    return networks_contain(gateway->trusted_proxies, http_peer(request));
}

static void read_client_address(const struct gateway *gateway, const struct http_request *request,
                                char out[CLIENT_ADDRESS_SIZE])
{
    const char *forwarded[FORWARDED_MOST];
    size_t count = http_header_values(request, "X-Forwarded-For", forwarded, FORWARDED_MOST);

    client_address(gateway->trusted_proxies, http_peer(request), forwarded, count, out);
}

static bool read_token(const struct http_request *request, char *out, size_t size)
{
    static const char scheme[] = "Bearer ";
    const char *header = http_header(request, "Authorization");

    if (header != NULL && strncasecmp(header, scheme, sizeof(scheme) - 1) == 0) {
        const char *token = header + sizeof(scheme) - 1;
        token += strspn(token, " ");
        if (strlen(token) >= size)
            return false;
        memcpy(out, token, strlen(token) + 1);
        return true;
    }
    return http_cookie(request, COOKIE, out, size);
}

/* The claims of a token that is ours and not expired; it may have been revoked. */
static bool read_claims(const struct gateway *gateway, const struct http_request *request,
                        struct token_claims *claims_out)
{
    char token[TOKEN_MOST + 1];

    return read_token(request, token, sizeof(token)) &&
           token_verify(gateway->settings->jwt_private_key, token, clock_wall_ms() / 1000,
                        claims_out);
}

enum http_identity http_identify(struct gateway *gateway, const struct http_request *request,
                                 struct token_claims *claims_out)
{
    Messenger__CheckTokenRequest check = MESSENGER__CHECK_TOKEN_REQUEST__INIT;
    Messenger__CheckTokenReply *reply;
    struct rpc_context context;

    if (!read_claims(gateway, request, claims_out))
        return HTTP_NOBODY;
    rpc_context_start(&context, gateway->settings->rpc_timeout_ms);
    check.jti = claims_out->jti;
    enum status status = rpc_call(gateway->bus, &context, "user.CheckToken", &check.base,
                                  &messenger__check_token_reply__descriptor, &reply, NULL);
    bool revoked = status == STATUS_OK && reply->revoked;
    wire_free(reply);
    if (status != STATUS_OK)
        return HTTP_CANNOT_TELL;
    return revoked ? HTTP_NOBODY : HTTP_KNOWN;
}

/* --- answers ----------------------------------------------------------------------------- */

static void add_retry_after(struct http_request *request, int64_t retry_after_ms)
{
    char seconds[24];

    snprintf(seconds, sizeof(seconds), "%" PRId64, (retry_after_ms + 999) / 1000);
    http_add_header(request, "Retry-After", seconds);
}

void http_respond_unavailable(struct http_request *request)
{
    add_retry_after(request, 1000);
    http_respond_error(request, 503, "ServiceUnavailableError",
                       "The service does not answer now. Try again in a moment.");
}

void http_respond_call_failed(struct http_request *request, const struct rpc_context *context,
                              const char *method, enum status status)
{
    rpc_log_failure(context, method, status, NULL);
    http_respond_unavailable(request);
}

void http_respond_too_many(struct http_request *request, const char *name, int64_t retry_after_ms)
{
    add_retry_after(request, retry_after_ms);
    http_respond_error(request, 429, name, "Too many requests. Try again later.");
}

static bool is_secure(const struct gateway *gateway, const struct http_request *request)
{
    const char *protocol = http_header(request, "X-Forwarded-Proto");

    return gateway->settings->cookie_secure ||
           (protocol != NULL && strcasecmp(protocol, "https") == 0 &&
            from_trusted_proxy(gateway, request));
}

static void set_cookie(const struct gateway *gateway, struct http_request *request,
                       const char *value, int64_t max_age_s)
{
    char *cookie = xasprintf("%s=%s; HttpOnly; Path=/; SameSite=Lax; Max-Age=%" PRId64 "%s", COOKIE,
                             value, max_age_s, is_secure(gateway, request) ? "; Secure" : "");

    http_add_header(request, "Set-Cookie", cookie);
    free(cookie);
}

static void respond_text(struct http_request *request, const char *text)
{
    http_respond(request, 200, "text/plain; charset=utf-8", text, strlen(text));
}

static void respond_signed_in(struct gateway *gateway, struct http_request *request,
                              const Messenger__Account *account, const char *text)
{
    int64_t now_s = clock_wall_ms() / 1000;
    struct token_claims claims = {
        .issued_at = now_s,
        .expires_at = now_s + gateway->settings->jwt_expires_in_s,
    };

    snprintf(claims.user_id, sizeof(claims.user_id), "%s", account->user->id);
    snprintf(claims.tag, sizeof(claims.tag), "%s", account->user->tag);
    snprintf(claims.email, sizeof(claims.email), "%s", account->email);
    char *token = token_sign(gateway->settings->jwt_private_key, &claims);
    if (token == NULL) {
        log_error("cannot sign a token");
        http_respond_error(request, 500, "InternalError", "Something went wrong.");
        return;
    }
    set_cookie(gateway, request, token, gateway->settings->cookie_max_age_s);
    respond_text(request, text);
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
    struct buffer body = { 0 };
    struct json *root = NULL;

    enum http_body result = http_read_body(request, BODY_MOST, &body);
    if (result == HTTP_BODY_TOO_LARGE) {
        http_respond_error(request, 413, "PayloadTooLargeError", "The body is over 64 KiB.");
    } else if (!is_json(request)) {
        http_respond_error(request, 415, "UnsupportedMediaTypeError",
                           "Content-Type must be application/json.");
    } else {
        if (result == HTTP_BODY_OK && body.length > 0)
            root = json_parse(body.data, body.length);
        if (root == NULL)
            http_respond_error(request, 400, "ParseError", "The body is not JSON.");
    }
    if (body.data != NULL)
        memory_wipe(body.data, body.length);
    buffer_finish(&body);
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
        http_respond_call_failed(request, context, "user.Register", status);
}

static void sign_up(struct gateway *gateway, struct http_request *request,
                    const char *const *fields)
{
    Messenger__RegisterRequest registration = MESSENGER__REGISTER_REQUEST__INIT;
    Messenger__Account *account;
    struct rpc_context context;
    struct rpc_error error;

    registration.tag = (char *)(uintptr_t)fields[0];
    registration.first_name = (char *)(uintptr_t)fields[1];
    registration.last_name = (char *)(uintptr_t)fields[2];
    registration.email = (char *)(uintptr_t)fields[3];
    registration.password = (char *)(uintptr_t)fields[4];
    rpc_context_start(&context, gateway->settings->rpc_timeout_ms);
    enum status status = rpc_call(gateway->bus, &context, "user.Register", &registration.base,
                                  &messenger__account__descriptor, &account, &error);
    if (status == STATUS_OK)
        respond_signed_in(gateway, request, account, "Sign up successful");
    else
        respond_register_failure(request, &context, status, &error);
    wire_free(account);
}

static void log_in(struct gateway *gateway, struct http_request *request, const char *const *fields)
{
    Messenger__AuthenticateRequest login = MESSENGER__AUTHENTICATE_REQUEST__INIT;
    Messenger__Account *account;
    struct rpc_context context;

    login.email = (char *)(uintptr_t)fields[0];
    login.password = (char *)(uintptr_t)fields[1];
    rpc_context_start(&context, gateway->settings->rpc_timeout_ms);
    enum status status = rpc_call(gateway->bus, &context, "user.Authenticate", &login.base,
                                  &messenger__account__descriptor, &account, NULL);
    if (status == STATUS_OK)
        respond_signed_in(gateway, request, account, "Login successful");
    else if (status == STATUS_UNAUTHENTICATED)
        http_respond_error(request, 401, "AuthError", "Incorrect authorization data.");
    else
        http_respond_call_failed(request, &context, "user.Authenticate", status);
    wire_free(account);
}

/* What the two forms have in common. */
static void handle_form(struct gateway *gateway, struct http_request *request,
                        const char *const *names, size_t count, struct ratelimit *limit,
                        const char *missing_error, const char *wrong_type_error,
                        void (*proceed)(struct gateway *, struct http_request *,
                                        const char *const *))
{
    const char *values[5], *bad;
    char address[CLIENT_ADDRESS_SIZE], message[80];
    int64_t retry_after_ms;
    struct json *root = read_json(request);

    if (root == NULL)
        return;
    read_client_address(gateway, request, address);
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
        if (ratelimit_take(limit, address, &retry_after_ms))
            proceed(gateway, request, values);
        else
            http_respond_too_many(request, "RateLimitError", retry_after_ms);
        break;
    }
    json_destroy(&root);
}

void http_sign_up(struct gateway *gateway, struct http_request *request)
{
    static const char *const names[] = { "tag", "firstName", "lastName", "email", "password" };

    handle_form(gateway, request, names, 5, gateway->signups, "NoSignUpDataProvidedError",
                "IncorrectDataError", sign_up);
}

void http_log_in(struct gateway *gateway, struct http_request *request)
{
    static const char *const names[] = { "email", "password" };

    handle_form(gateway, request, names, 2, gateway->logins, "NoAuthDataProvidedError",
                "NoAuthDataProvidedError", log_in);
}

void http_exit(struct gateway *gateway, struct http_request *request)
{
    Messenger__RevokeTokenRequest revoke = MESSENGER__REVOKE_TOKEN_REQUEST__INIT;
    Messenger__Empty *reply = NULL;
    struct rpc_context context;
    struct token_claims claims;

    if (read_claims(gateway, request, &claims)) {
        revoke.jti = claims.jti;
        revoke.expires_at = claims.expires_at;
        revoke.tag = claims.tag;
        rpc_context_start(&context, gateway->settings->rpc_timeout_ms);
        enum status status = rpc_call(gateway->bus, &context, "user.RevokeToken", &revoke.base,
                                      &messenger__empty__descriptor, &reply, NULL);
        wire_free(reply);
        if (status != STATUS_OK) {
            http_respond_call_failed(request, &context, "user.RevokeToken", status);
            return;
        }
    }
    set_cookie(gateway, request, "", 0);
    respond_text(request, "Exit successful");
}
