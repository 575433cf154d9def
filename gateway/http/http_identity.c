#include "gateway/http/http_identity.h"

#include <string.h>
#include <strings.h>

#include "gateway/http/http_request.h"
#include "gateway/http/http_site.h"
#include "services/common/base/clock.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

enum { BEARERS_MAX = 8, SIGNATURES_MAX = 64 /* that are checked, each costs some 10 us */ };

struct reading {
    const struct http_site *site;
    int64_t now_s;
    struct token_claims *claims;
    size_t count, checked;
};

/* Adds the claims of a token that is good. True: no further one is read. */
static bool read_token(void *ctx, const char *text, size_t length)
{
    struct reading *reading = ctx;
    char token[TOKEN_MAX + 1];

    if (length == 0 || length >= sizeof(token))
        return false;
    memcpy(token, text, length);
    token[length] = '\0';
    if (token_verify(reading->site->settings->jwt_private_key, token, reading->now_s,
                     &reading->claims[reading->count]))
        reading->count++;
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

size_t http_identity_read_claims(const struct http_site *site, const struct http_request *request,
                                 struct token_claims claims_out[HTTP_IDENTITY_TRIES_MAX])
{
    struct reading reading = {
        .site = site,
        .now_s = clock_wall_ms() / 1000,
        .claims = claims_out,
    };

    if (!read_bearers(request, &reading))
        http_cookies(request, HTTP_IDENTITY_COOKIE, read_token, &reading);
    return reading.count;
}

static enum http_identity check_token(const struct http_site *site,
                                      const struct token_claims *claims)
{
    Messenger__CheckTokenRequest check = MESSENGER__CHECK_TOKEN_REQUEST__INIT;
    Messenger__AccountName account = MESSENGER__ACCOUNT_NAME__INIT;
    Messenger__CheckTokenReply *reply;
    struct rpc_context context;

    rpc_context_start(&context, site->settings->rpc_timeout_ms);
    check.jti = wire_borrow(claims->jti);
    account.id = wire_borrow(claims->user_id);
    account.tag = wire_borrow(claims->tag);
    check.account = &account;
    enum status status = rpc_call(site->bus, &context, "user.CheckToken", &check.base,
                                  &messenger__check_token_reply__descriptor, &reply, NULL);
    bool refused = status == STATUS_OK && (reply->revoked || reply->no_account);
    wire_free(reply);
    if (status != STATUS_OK)
        return HTTP_CANNOT_TELL;
    return refused ? HTTP_NOBODY : HTTP_KNOWN;
}

enum http_identity http_identity_find(const struct http_site *site,
                                      const struct http_request *request,
                                      struct token_claims *claims_out)
{
    struct token_claims claims[HTTP_IDENTITY_TRIES_MAX];
    size_t count = http_identity_read_claims(site, request, claims);
    enum http_identity result = HTTP_NOBODY;

    for (size_t i = 0; i < count && result == HTTP_NOBODY; i++) {
        result = check_token(site, &claims[i]);
        *claims_out = claims[i];
    }
    return result;
}
