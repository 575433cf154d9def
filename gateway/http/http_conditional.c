#include "gateway/http/http_conditional.h"

#include <stdbool.h>

#include "gateway/edge/http_head.h"
#include "gateway/http/entity_tag.h"
#include "gateway/http/http_request.h"

/* Whether the request has such a field; if it has, whether one of them lists the tag. */
static bool has_field(const struct http_request *request, const char *name, const char *tag,
                      enum entity_tag_comparison comparison, bool *listed_out)
{
    const char *values[HTTP_HEAD_FIELDS_MAX];
    size_t count = http_header_values(request, name, values, HTTP_HEAD_FIELDS_MAX);

    *listed_out = false;
    for (size_t i = 0; i < count && !*listed_out; i++)
        *listed_out = entity_tag_is_listed(values[i], tag, comparison);
    return count > 0;
}

void http_conditional_respond(struct http_request *request, const struct http_representation *r)
{
    bool listed;

    if (has_field(request, "If-Match", r->etag, ENTITY_TAG_STRONG, &listed) && !listed) {
        http_respond_error(request, 412, "PreconditionFailedError",
                           "If-Match does not name what is here.");
        return;
    }
    http_add_header(request, "Cache-Control", r->cache_control);
    http_add_header(request, "ETag", r->etag);
    if (has_field(request, "If-None-Match", r->etag, ENTITY_TAG_WEAK, &listed) && listed) {
        http_respond(request, 304, NULL, "", 0);
        return;
    }
    if (r->content_encoding != NULL)
        http_add_header(request, "Content-Encoding", r->content_encoding);
    http_respond(request, 200, r->content_type, r->data, r->size);
}
