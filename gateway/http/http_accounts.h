#ifndef GATEWAY_HTTP_HTTP_ACCOUNTS_H
#define GATEWAY_HTTP_HTTP_ACCOUNTS_H

#include "gateway/gateway.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/base/token.h"

/* Who sent a request, by its cookie `auth` or its bearer token. */
enum http_identity {
    HTTP_KNOWN,
    HTTP_NOBODY,      /* no token, or a bad, expired or revoked one */
    HTTP_CANNOT_TELL, /* whether the token is revoked is not known now */
};

enum http_identity http_identify(struct gateway *gateway, const struct http_request *request,
                                 struct token_claims *claims_out);

/* What a client reads in a body or a close reason when it has to log in. */
#define HTTP_NO_AUTH_NAME "NoAuthJWTError"
#define HTTP_NO_AUTH_MESSAGE "Authorization data missing."
#define HTTP_NO_AUTH_REASON                                                                        \
    "{\"Error\":{\"name\":\"" HTTP_NO_AUTH_NAME "\",\"message\":\"" HTTP_NO_AUTH_MESSAGE "\"}}"

/* 503 with Retry-After; 429 likewise. */
void http_respond_unavailable(struct http_request *request);
/* The same after a call that failed, which is logged. */
void http_respond_call_failed(struct http_request *request, const struct rpc_context *context,
                              const char *method, enum status status);
void http_respond_too_many(struct http_request *request, const char *name, int64_t retry_after_ms);

/* Routes. */
void http_sign_up(struct gateway *gateway, struct http_request *request);
void http_log_in(struct gateway *gateway, struct http_request *request);
void http_exit(struct gateway *gateway, struct http_request *request);

#endif
