#include "gateway/http/http_forms.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/http/http_answers.h"
#include "gateway/http/http_client.h"
#include "gateway/http/http_request.h"
#include "gateway/limits/client_address.h"
#include "gateway/limits/ratelimit.h"
#include "services/common/base/json.h"

static bool is_json(const struct http_request *request)
{
    static const char json[] = "application/json";
    const char *type = http_header(request, "Content-Type");

    return type != NULL && strncasecmp(type, json, sizeof(json) - 1) == 0 &&
           strchr("; \t", type[sizeof(json) - 1]) != NULL;
}

bool http_forms_admit_client(const struct http_site *site, struct http_request *request,
                             struct ratelimit *limit)
{
    char group[CLIENT_ADDRESS_SIZE];
    int64_t retry_after_ms;

    http_client_network(site, request, group);
    if (ratelimit_admit(limit, group, &retry_after_ms))
        return true;
    http_answers_too_many(request, "RateLimitError", retry_after_ms);
    return false;
}

bool http_forms_admit(const struct http_site *site, struct http_request *request,
                      struct ratelimit *limit)
{
    if (is_json(request))
        return http_forms_admit_client(site, request, limit);
    http_respond_error(request, 415, "UnsupportedMediaTypeError",
                       "Content-Type must be application/json.");
    return false;
}

struct json *http_forms_read(struct http_request *request)
{
    size_t length;
    const char *body = http_body(request, &length);
    struct json *root = length > 0 ? json_parse(body, length) : NULL;

    if (root == NULL)
        http_respond_error(request, 400, "ParseError", "The body is not JSON.");
    return root;
}

enum http_forms_result http_forms_fields(const struct json *root, const char *const *names,
                                         size_t count, const char **values_out,
                                         const char **bad_out)
{
    const struct json *user = json_member(root, "user");

    for (size_t i = 0; i < count; i++) {
        const struct json *field = json_is_object(user) ? json_member(user, names[i]) : NULL;
        values_out[i] = json_text(field);
        *bad_out = names[i];
        if (field == NULL || json_is_null(field) ||
            (values_out[i] != NULL && *values_out[i] == '\0'))
            return HTTP_FORMS_MISSING;
        if (values_out[i] == NULL)
            return HTTP_FORMS_NOT_TEXT;
    }
    return HTTP_FORMS_OK;
}

void http_forms_refuse(struct http_request *request, enum http_forms_result result,
                       const char *error, const char *field)
{
    char message[80];

    snprintf(message, sizeof(message), "%s: %s", field,
             result == HTTP_FORMS_MISSING ? "is missing" : "must be a string");
    http_respond_error(request, 400, error, message);
}
