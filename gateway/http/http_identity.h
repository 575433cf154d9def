#ifndef GATEWAY_HTTP_HTTP_IDENTITY_H
#define GATEWAY_HTTP_HTTP_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/token.h"

struct http_request;
struct http_site;

/*
 * The user that a request comes from, by its bearer token or its cookies (http_tokens.h). A browser
 * sends stale cookies of the same name beside the good one, and a proxy may add an Authorization
 * that is not ours: so all are tried, at most HTTP_IDENTITY_TRIES_MAX that are valid, each once.
 */
enum http_identity {
    HTTP_KNOWN,
    HTTP_NOBODY, /* no token, or only invalid, expired or revoked ones, or of accounts that do not
                    exist: an account is its `_id`, with that tag */
    HTTP_CANNOT_TELL, /* the user service did not answer whether the token is good */
};
enum { HTTP_IDENTITY_TRIES_MAX = 4 };

struct http_token {
    struct token_claims claims;
    bool is_cookie; /* not a bearer token */
    uint64_t epoch; /* of the account's sessions, once it was checked */
};

/* Blocks for calls to the user service, each at most `rpc.timeoutMs`, until one is good. */
enum http_identity http_identity_find(const struct http_site *site,
                                      const struct http_request *request,
                                      struct http_token *token_out);

/* Checks this token, and prolongs its session until `expires_at_s`: then a token may be made that
 * expires as late. Blocks likewise. */
enum http_identity http_identity_renew(const struct http_site *site,
                                       const struct http_request *request, int64_t expires_at_s,
                                       struct http_token *token);

/* The tokens that are valid and not expired; they may have been revoked, and
 * their accounts may be gone. Returns how many there are, at most HTTP_IDENTITY_TRIES_MAX. Does not
 * block. */
size_t http_identity_read(const struct http_site *site, const struct http_request *request,
                          struct http_token tokens_out[HTTP_IDENTITY_TRIES_MAX]);

#endif
