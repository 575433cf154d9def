#include "tests/fuzz/wire_make.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/choices.h"

enum { VARINT = 0, LENGTH_DELIMITED = 2, LIST_MAX = 60, TEXT_MAX = 2000 };

static void append_varint(struct buffer *out, uint64_t value)
{
    while (value >= 128) {
        buffer_append_char(out, (char)(value | 128));
        value >>= 7;
    }
    buffer_append_char(out, (char)value);
}

static void append_bytes(struct buffer *out, uint32_t id, const void *data, size_t length)
{
    append_varint(out, (uint64_t)id << 3 | LENGTH_DELIMITED);
    append_varint(out, length);
    if (length > 0)
        buffer_append(out, data, length);
}

/* Tags and ids look like such most of the time, whatever they are called. */
static void append_text(const ProtobufCFieldDescriptor *field, struct buffer *out)
{
    static const char *const tags[] = { "@amy", "@Bob", "@carol_3", "" };
    bool is_tag = strstr(field->name, "tag") != NULL || strstr(field->name, "peer") != NULL ||
                  strcmp(field->name, "online") == 0;
    bool is_id = strcmp(field->name, "id") == 0 || strstr(field->name, "_id") != NULL;
    unsigned byte = choices_byte();

    if (is_tag && byte % 8 != 7) {
        const char *tag = tags[byte % (sizeof(tags) / sizeof(*tags))];
        append_bytes(out, field->id, tag, strlen(tag));
    } else if (is_id && byte % 8 != 7) {
        append_bytes(out, field->id, "65f0c100000000000000000a", 24);
    } else {
        char *text = choices_text(TEXT_MAX);
        append_bytes(out, field->id, text, strlen(text));
        free(text);
    }
}

static void append_item(const ProtobufCFieldDescriptor *field, struct buffer *out)
{
    struct buffer inner = { 0 };

    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        append_text(field, out);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        append_bytes(out, field->id, "\x89PNG", choices_below(5));
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        wire_make(field->descriptor, &inner);
        append_bytes(out, field->id, inner.data, inner.length);
        buffer_finish(&inner);
        break;
    case PROTOBUF_C_TYPE_BOOL: /* rarely true: "more" is one of them */
        append_varint(out, (uint64_t)field->id << 3 | VARINT);
        append_varint(out, choices_byte() % 4 == 3);
        break;
    default: /* proto/ has no fixed-width numbers */
        append_varint(out, (uint64_t)field->id << 3 | VARINT);
        append_varint(out, choices_number());
    }
}

/* The fields of a `oneof` have one number for the choice among them, in the same place. */
static bool is_chosen(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field,
                      unsigned choice)
{
    unsigned number = 0, count = 0;

    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0)
        return true;
    for (unsigned i = 0; i < type->n_fields; i++)
        if ((type->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
            if (&type->fields[i] == field)
                number = count;
            count++;
        }
    return choice % count == number;
}

void wire_make(const ProtobufCMessageDescriptor *type, struct buffer *out)
{
    unsigned choice = choices_byte();

    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        bool is_list = field->label == PROTOBUF_C_LABEL_REPEATED;
        size_t count = is_list ? choices_count(LIST_MAX) : is_chosen(type, field, choice);
        if (!is_list && field->type == PROTOBUF_C_TYPE_MESSAGE && choices_byte() % 8 == 7)
            count = 0;
        for (; count > 0; count--)
            append_item(field, out);
    }
}
