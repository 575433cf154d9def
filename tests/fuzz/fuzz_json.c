/* What json_parse accepts, written again, is accepted again and means the same. */
#include "tests/fuzz/fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "services/common/base/json.h"
#include "services/common/base/json_writer.h"
#include "services/common/base/text.h"

static void write_value(struct json_writer *w, const struct json *value);

static void write_members(struct json_writer *w, const struct json *container, bool named)
{
    for (const struct json *at = json_first(container); at != NULL; at = json_next(at)) {
        if (named) { /* json_key takes plain names only */
            json_string(w, json_name(at));
            buffer_append_char(&w->out, ':');
            w->comma = false;
        }
        write_value(w, at);
    }
}

static void write_value(struct json_writer *w, const struct json *value)
{
    bool flag;

    if (json_text(value) != NULL) {
        assert(text_is_utf8(json_text(value), strlen(json_text(value))));
        json_string(w, json_text(value));
    } else if (json_is_number(value)) {
        json_double(w, json_to_double(value));
    } else if (json_to_bool(value, &flag)) {
        json_bool(w, flag);
    } else if (json_is_object(value)) {
        json_begin_object(w);
        write_members(w, value, true);
        json_end_object(w);
    } else if (json_is_array(value)) {
        json_begin_array(w);
        write_members(w, value, false);
        json_end_array(w);
    } else { /* null, or a number that is no number here because it is beyond a double */
        json_null(w);
    }
}

static struct json_writer write_again(const struct json *root)
{
    struct json_writer w = { .comma = false };
    write_value(&w, root);
    return w;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *root = json_parse((const char *)data, size);

    if (root == NULL)
        return 0;
    assert(size > 0 && text_is_utf8(data, size));
    struct json_writer once = write_again(root);
    struct json *back = json_parse(once.out.data, once.out.length);
    assert(back != NULL);
    struct json_writer twice = write_again(back);
    assert(once.out.length == twice.out.length);
    assert(memcmp(once.out.data, twice.out.data, once.out.length) == 0);
    json_destroy(&root);
    json_destroy(&back);
    buffer_finish(&once.out);
    buffer_finish(&twice.out);
    return 0;
}
