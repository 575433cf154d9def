#include "gateway/http/http_identity.h"

#include <string.h>
#include <strings.h>

#include "gateway/http/http_request.h"
#include "gateway/http/http_site.h"
#include "gateway/http/http_tokens.h"
#include "services/common/base/clock.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

enum { BEARERS_MAX = 8, SIGNATURES_MAX = 64 /* that are checked, each costs some 10 us */ };

struct reading {
    const struct http_site *site;
    int64_t now_s;
    struct http_token *tokens;
    size_t count, checked;
    bool is_cookie;
};

/* Under TLS a browser sends a token twice (http_tokens.h). */
static bool is_repeated(const struct reading *reading, const struct token_claims *claims)
{
    for (size_t i = 0; i < reading->count; i++)
        if (strcmp(reading->tokens[i].claims.jti, claims->jti) == 0)
            return true;
    return false;
}

/* Adds a token that is good. True: no further one is read. */
static bool read_token(void *ctx, const char *text, size_t length)
{
    struct reading *reading = ctx;
    struct token_claims claims;
    char token[TOKEN_MAX + 1];

    if (length == 0 || length >= sizeof(token))
        return false;
    memcpy(token, text, length);
    token[length] = '\0';
    if (token_verify(reading->site->settings->jwt_private_key, token, reading->now_s, &claims) &&
        !is_repeated(reading, &claims))
        reading->tokens[reading->count++] =
            (struct http_token){ .claims = claims, .is_cookie = reading->is_cookie };
    return reading->count == HTTP_IDENTITY_TRIES_MAX || ++reading->checked == SIGNATURES_MAX;
}

static bool read_bearers(const struct http_request *request, struct reading *reading)
{
    static const char scheme[] = "Bearer ";
    const char *values[BEARERS_MAX];
    size_t count = http_header_values(request, "Authorization", values, BEARERS_MAX);

    for (size_t i = 0; i < count && i < BEARERS_MAX; i++) {
        if (strncasecmp(values[i], scheme, sizeof(scheme) - 1) != 0)
            continue;
        const char *token = values[i] + sizeof(scheme) - 1;
        token += strspn(token, " ");
        if (read_token(reading, token, strlen(token)))
            return true;
    }
    return false;
}

/* The cookie that no other host can have set comes first. */
size_t http_identity_read(const struct http_site *site, const struct http_request *request,
                          struct http_token tokens_out[HTTP_IDENTITY_TRIES_MAX])
{
    struct reading reading = {
        .site = site,
        .now_s = clock_wall_ms() / 1000,
        .tokens = tokens_out,
    };

    if (read_bearers(request, &reading))
        return reading.count;
    reading.is_cookie = true;
    if (!http_cookies(request, HTTP_TOKENS_HOST_COOKIE, read_token, &reading))
        http_cookies(request, HTTP_TOKENS_COOKIE, read_token, &reading);
    return reading.count;
}

/* --- checks ------------------------------------------------------------------------------ */

static enum http_identity check_token(const struct http_site *site,
                                      const struct http_request *request, const char *method,
                                      int64_t expires_at_s, struct http_token *token)
{
    Messenger__CheckTokenRequest check = MESSENGER__CHECK_TOKEN_REQUEST__INIT;
    Messenger__AccountName account = MESSENGER__ACCOUNT_NAME__INIT;
    Messenger__NewSession session;
    struct http_tokens_client client;
    Messenger__CheckTokenReply *reply;
    struct rpc_context context;

    rpc_context_start(&context, site->settings->rpc_timeout_ms);
    check.jti = wire_borrow(token->claims.jti);
    check.session_id = wire_borrow(token->claims.session_id);
    check.issued_at = token->claims.issued_at;
    account.id = wire_borrow(token->claims.user_id);
    account.tag = wire_borrow(token->claims.tag);
    check.account = &account;
    http_tokens_describe(site, request, NULL, expires_at_s, &client, &session);
    check.session = &session;
    enum status status = rpc_call(site->bus, &context, method, &check.base,
                                  &messenger__check_token_reply__descriptor, &reply, NULL);
    bool refused = status == STATUS_OK && (reply->revoked || reply->no_account);
    if (status == STATUS_OK)
        token->epoch = reply->epoch;
    wire_free(reply);
    if (status != STATUS_OK)
        return HTTP_CANNOT_TELL;
    return refused ? HTTP_NOBODY : HTTP_KNOWN;
}

enum http_identity http_identity_find(const struct http_site *site,
                                      const struct http_request *request,
                                      struct http_token *token_out)
{
    struct http_token tokens[HTTP_IDENTITY_TRIES_MAX];
    size_t count = http_identity_read(site, request, tokens);
    enum http_identity result = HTTP_NOBODY;

    for (size_t i = 0; i < count && result == HTTP_NOBODY; i++) {
        result =
            check_token(site, request, "user.CheckToken", tokens[i].claims.expires_at, &tokens[i]);
        *token_out = tokens[i];
    }
    return result;
}

enum http_identity http_identity_renew(const struct http_site *site,
                                       const struct http_request *request, int64_t expires_at_s,
                                       struct http_token *token)
{
    return check_token(site, request, "user.RenewToken", expires_at_s, token);
}
