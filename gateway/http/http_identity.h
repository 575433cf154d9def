#ifndef GATEWAY_HTTP_HTTP_IDENTITY_H
#define GATEWAY_HTTP_HTTP_IDENTITY_H

#include <stdbool.h>

#include "services/common/base/token.h"

struct http_request;
struct http_site;

#define HTTP_IDENTITY_COOKIE "auth"

/* The user that a request comes from, by its cookie `auth` or its bearer token. */
enum http_identity {
    HTTP_KNOWN,
    HTTP_NOBODY,      /* no token, or an invalid, expired or revoked one, or one of an account
                         that does not exist: the account is its `_id`, with that tag */
    HTTP_CANNOT_TELL, /* the user service did not answer whether the token is good */
};

/* Blocks for a call to the user service, at most `rpc.timeoutMs`. */
enum http_identity http_identity_find(const struct http_site *site,
                                      const struct http_request *request,
                                      struct token_claims *claims_out);

/* The claims of a token that is valid and not expired; it may have been revoked, and its
 * account may be gone. False without one.
 * Does not block. */
bool http_identity_read_claims(const struct http_site *site, const struct http_request *request,
                               struct token_claims *claims_out);

#endif
