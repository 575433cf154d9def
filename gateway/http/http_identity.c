#include "gateway/http/http_identity.h"

#include <string.h>
#include <strings.h>

#include "gateway/http/http_request.h"
#include "gateway/http/http_site.h"
#include "services/common/base/clock.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

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
    return http_cookie(request, HTTP_IDENTITY_COOKIE, out, size);
}

/* The claims of a token that is ours and not expired; it may have been revoked, and its account may
 * be gone. */
bool http_identity_read_claims(const struct http_site *site, const struct http_request *request,
                               struct token_claims *claims_out)
{
    char token[TOKEN_MAX + 1];

    return read_token(request, token, sizeof(token)) &&
           token_verify(site->settings->jwt_private_key, token, clock_wall_ms() / 1000, claims_out);
}

enum http_identity http_identity_find(const struct http_site *site,
                                      const struct http_request *request,
                                      struct token_claims *claims_out)
{
    Messenger__CheckTokenRequest check = MESSENGER__CHECK_TOKEN_REQUEST__INIT;
    Messenger__AccountName account = MESSENGER__ACCOUNT_NAME__INIT;
    Messenger__CheckTokenReply *reply;
    struct rpc_context context;

    if (!http_identity_read_claims(site, request, claims_out))
        return HTTP_NOBODY;
    rpc_context_start(&context, site->settings->rpc_timeout_ms);
    check.jti = claims_out->jti;
    account.id = claims_out->user_id;
    account.tag = claims_out->tag;
    check.account = &account;
    enum status status = rpc_call(site->bus, &context, "user.CheckToken", &check.base,
                                  &messenger__check_token_reply__descriptor, &reply, NULL);
    bool refused = status == STATUS_OK && (reply->revoked || reply->no_account);
    wire_free(reply);
    if (status != STATUS_OK)
        return HTTP_CANNOT_TELL;
    return refused ? HTTP_NOBODY : HTTP_KNOWN;
}
