#ifndef GATEWAY_HTTP_HTTP_TOKENS_H
#define GATEWAY_HTTP_HTTP_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/limits/client_address.h"
#include "services/common/base/token.h"
#include "user.pb-c.h"

struct http_request;
struct http_site;

/*
 * Tokens as a client gets them: in cookies. Over TLS there are two with the same value: a browser
 * accepts the one whose name begins with "__Host-" from this host only and over TLS only (RFC
 * 6265bis, section 4.1.3.2), and the original's clients know the other one.
 */
#define HTTP_TOKENS_COOKIE "auth"
#define HTTP_TOKENS_HOST_COOKIE "__Host-auth"

enum { HTTP_TOKENS_DEVICE_SIZE = 257 };

/* What a NewSession borrows. */
struct http_tokens_client {
    char device[HTTP_TOKENS_DEVICE_SIZE];
    char address[CLIENT_ADDRESS_SIZE];
};

/* The client of a request. `device` is the name that it gives itself, checked by
 * http_tokens_is_device; NULL: its User-Agent is. */
void http_tokens_describe(const struct http_site *site, const struct http_request *request,
                          const char *device, int64_t expires_at_s,
                          struct http_tokens_client *client_out,
                          Messenger__NewSession *session_out);

/* 1 to 100 bytes of UTF-8 without control characters. */
bool http_tokens_is_device(const char *name);

/* When a token that is made now will expire, in seconds since 1970. */
int64_t http_tokens_expiry(const struct http_site *site);

/* Whether half of a token's time has passed, so that it is to be renewed. */
bool http_tokens_is_due(const struct token_claims *claims);

/* Signs a token and adds its cookies to the answer; `claims` has the user, the session and the
 * expiry (http_tokens_expiry), the rest is filled in. False: nothing was added. */
bool http_tokens_issue(const struct http_site *site, struct http_request *request,
                       struct token_claims *claims);

/* Removes the cookies from the client. */
void http_tokens_clear(const struct http_site *site, struct http_request *request);

#endif
