#ifndef GATEWAY_HTTP_HTTP_IDENTITY_H
#define GATEWAY_HTTP_HTTP_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "services/common/base/token.h"

struct http_request;
struct http_site;

#define HTTP_IDENTITY_COOKIE "auth"

/*
 * The user that a request comes from, by its bearer token or its cookies `auth`. A browser sends
 * stale cookies of the same name beside the good one, and a proxy may add an Authorization that is
 * not ours: so all are tried, at most HTTP_IDENTITY_TRIES_MAX that are valid.
 */
enum http_identity {
    HTTP_KNOWN,
    HTTP_NOBODY, /* no token, or only invalid, expired or revoked ones, or of accounts that do not
                    exist: an account is its `_id`, with that tag */
    HTTP_CANNOT_TELL, /* the user service did not answer whether the token is good */
};
enum { HTTP_IDENTITY_TRIES_MAX = 4 };

/* Blocks for calls to the user service, each at most `rpc.timeoutMs`, until one is good. */
enum http_identity http_identity_find(const struct http_site *site,
                                      const struct http_request *request,
                                      struct token_claims *claims_out);

/* The claims of the tokens that are valid and not expired; they may have been revoked, and
 * their accounts may be gone. Returns how many there are, at most HTTP_IDENTITY_TRIES_MAX. Does not
 * block. */
size_t http_identity_read_claims(const struct http_site *site, const struct http_request *request,
                                 struct token_claims claims_out[HTTP_IDENTITY_TRIES_MAX]);

#endif
