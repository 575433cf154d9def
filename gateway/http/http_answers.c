#include "gateway/http/http_answers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/http/http_request.h"

static void add_retry_after(struct http_request *request, int64_t retry_after_ms)
{
    char seconds[24];

    snprintf(seconds, sizeof(seconds), "%" PRId64, (retry_after_ms + 999) / 1000);
    http_add_header(request, "Retry-After", seconds);
}

void http_answers_unavailable(struct http_request *request)
{
    add_retry_after(request, 1000);
    http_respond_error(request, 503, "ServiceUnavailableError",
                       "The service does not answer now. Try again in a moment.");
}

void http_answers_call_failed(struct http_request *request, const struct rpc_context *context,
                              const char *method, enum status status)
{
    rpc_log_failure(context, method, status, NULL);
    http_answers_unavailable(request);
}

void http_answers_too_many(struct http_request *request, const char *name, int64_t retry_after_ms)
{
    add_retry_after(request, retry_after_ms);
    http_respond_error(request, 429, name, "Too many requests. Try again later.");
}

void http_answers_text(struct http_request *request, const char *text)
{
    http_respond(request, 200, "text/plain; charset=utf-8", text, strlen(text));
}
