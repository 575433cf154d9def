/*
 * gateway/edge: what arrives on a connection of HTTP, and the fields that gateway/http parses. The
 * first byte chooses the sizes of the pieces in which it arrives; the result must not depend on
 * them.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/edge/edge_connection.h"
#include "gateway/edge/multipart.h"
#include "gateway/edge/http_target.h"
#include "gateway/http/accept_encoding.h"
#include "gateway/http/entity_tag.h"

enum { BODY_MAX = 1000, REQUESTS_MAX = 8 };

/* What was understood: a line for each request, and the status that ended it. */
static void read_all(const uint8_t *data, size_t size, size_t step, struct buffer *out)
{
    struct edge_connection *c = edge_connection_create(-1, "192.0.2.1");
    size_t at = 0;

    c->body_max = BODY_MAX;
    for (int requests = 0; requests < REQUESTS_MAX;) {
        int result = c->has_head ? edge_connection_take_body(c) : edge_connection_take_head(c);
        if (result == EDGE_MORE) {
            size_t piece = size - at < step ? size - at : step;
            if (piece == 0)
                break;
            buffer_append(&c->in, data + at, piece);
            at += piece;
        } else if (result != EDGE_COMPLETE) {
            buffer_printf(out, "refused\n"); /* with which status may depend on the pieces */
            break;
        } else if (c->body_is_complete) {
            assert(c->body.length <= BODY_MAX && c->head.field_count <= HTTP_HEAD_FIELDS_MAX);
            assert(c->head.minor == 0 || http_target_is_authority(c->head.host));
            assert(http_head_is_token(c->head.method, strlen(c->head.method)));
            buffer_printf(out, "%s %s %s %zu\n", c->head.method, c->head.path, c->head.host,
                          c->body.length);
            buffer_append(out, c->body.data, c->body.length);
            edge_connection_next(c);
            requests++;
        }
    }
    edge_connection_destroy(&c);
}

static void read_form(const uint8_t *data, size_t size)
{
    const char *found;
    size_t length;

    if (multipart_find((const char *)data, size, "b", "image", &found, &length)) {
        assert(found >= (const char *)data);
        assert(length <= size && (size_t)(found - (const char *)data) <= size - length);
    }
    char *text = strndup((const char *)data, size), boundary[MULTIPART_BOUNDARY_MAX + 1];
    if (multipart_boundary(text, boundary))
        assert(strlen(boundary) > 0);
    free(text);
}

/* A coding that is not there is never chosen; what strong comparison finds, weak comparison does.
 */
static void read_fields(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    const char *value = text;
    const unsigned available = 1u << CODING_IDENTITY | 1u << CODING_BR;

    assert(accept_encoding_choose(&value, 1, available) != CODING_GZIP);
    assert(!entity_tag_is_listed(text, "\"a\"", ENTITY_TAG_STRONG) ||
           entity_tag_is_listed(text, "\"a\"", ENTITY_TAG_WEAK));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer whole = { 0 }, pieces = { 0 };

    if (size < 2)
        return 0;
    read_all(data + 1, size - 1, size, &whole);
    read_all(data + 1, size - 1, (size_t)data[0] % 16 + 1, &pieces);
    assert(whole.length == pieces.length);
    assert(whole.length == 0 || memcmp(whole.data, pieces.data, whole.length) == 0);
    buffer_finish(&whole);
    buffer_finish(&pieces);
    read_form(data + 1, size - 1);
    read_fields(data + 1, size - 1);
    return 0;
}
