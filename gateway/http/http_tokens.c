#include "gateway/http/http_tokens.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/http/http_client.h"
#include "gateway/http/http_request.h"
#include "gateway/http/http_site.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/text.h"
#include "services/common/rpc/wire.h"

enum { DEVICE_MAX = 100 };

/* --- the client -------------------------------------------------------------------------- */

bool http_tokens_is_device(const char *name)
{
    size_t length = strnlen(name, DEVICE_MAX + 1);

    return length > 0 && length <= DEVICE_MAX && text_is_utf8(name, length) &&
           !text_has_control(name);
}

/* What is printable in ASCII: a header may have any bytes. */
static void copy_user_agent(const struct http_request *request, char out[HTTP_TOKENS_DEVICE_SIZE])
{
    const char *agent = http_header(request, "User-Agent");
    size_t length = 0;

    for (; agent != NULL && *agent != '\0' && length < HTTP_TOKENS_DEVICE_SIZE - 1; agent++)
        if (*agent >= ' ' && *agent <= '~')
            out[length++] = *agent;
    out[length] = '\0';
}

void http_tokens_describe(const struct http_site *site, const struct http_request *request,
                          const char *device, int64_t expires_at_s,
                          struct http_tokens_client *client_out, Messenger__NewSession *session_out)
{
    messenger__new_session__init(session_out);
    http_client_address(site, request, client_out->address);
    if (device != NULL)
        snprintf(client_out->device, sizeof(client_out->device), "%s", device);
    else
        copy_user_agent(request, client_out->device);
    session_out->device = client_out->device;
    session_out->address = client_out->address;
    session_out->expires_at = expires_at_s;
}

/* --- cookies ----------------------------------------------------------------------------- */

static void add_cookie(struct http_request *request, const char *name, const char *value,
                       int64_t max_age_s, bool secure)
{
    char *cookie = xasprintf("%s=%s; HttpOnly; Path=/; SameSite=Lax; Max-Age=%" PRId64 "%s", name,
                             value, max_age_s, secure ? "; Secure" : "");

    http_add_header(request, "Set-Cookie", cookie);
    free(cookie);
}

static void set_cookies(const struct http_site *site, struct http_request *request,
                        const char *value, int64_t max_age_s)
{
    bool secure = http_client_is_secure(site, request);

    add_cookie(request, HTTP_TOKENS_COOKIE, value, max_age_s, secure);
    if (secure)
        add_cookie(request, HTTP_TOKENS_HOST_COOKIE, value, max_age_s, true);
}

/* --- tokens ------------------------------------------------------------------------------ */

int64_t http_tokens_expiry(const struct http_site *site)
{
    return clock_wall_ms() / 1000 + site->settings->jwt_expires_in_s;
}

bool http_tokens_is_due(const struct token_claims *claims)
{
    return clock_wall_ms() / 1000 - claims->issued_at >=
           (claims->expires_at - claims->issued_at) / 2;
}

bool http_tokens_issue(const struct http_site *site, struct http_request *request,
                       struct token_claims *claims)
{
    claims->issued_at = claims->expires_at - site->settings->jwt_expires_in_s;
    char *token = token_sign(site->settings->jwt_private_key, claims);

    if (token == NULL) {
        log_error("cannot sign a token");
        return false;
    }
    set_cookies(site, request, token, site->settings->cookie_max_age_s);
    free(token);
    return true;
}

void http_tokens_clear(const struct http_site *site, struct http_request *request)
{
    set_cookies(site, request, "", 0);
}
