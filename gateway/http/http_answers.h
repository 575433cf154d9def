#ifndef GATEWAY_HTTP_HTTP_ANSWERS_H
#define GATEWAY_HTTP_HTTP_ANSWERS_H

#include <stdint.h>

#include "services/common/base/status.h"
#include "services/common/rpc/rpc_client.h"

struct http_request;

/* Answers that several routes send. A request gets exactly one. */

/* 200, plain text. */
void http_answers_text(struct http_request *request, const char *text);

/* 503 with Retry-After. */
void http_answers_unavailable(struct http_request *request);

/* The same after a failed call to a service, which it logs. */
void http_answers_call_failed(struct http_request *request, const struct rpc_context *context,
                              const char *method, enum status status);

/* 429 with Retry-After. */
void http_answers_too_many(struct http_request *request, const char *name, int64_t retry_after_ms);

#endif
