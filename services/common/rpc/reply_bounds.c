#include "services/common/rpc/reply_bounds.h"

#include <string.h>

static const struct optional {
    const char *type, *field;
} optionals[] = {
    { "messenger.Account", "user" },      /* of a sign-up that waits for a proof */
    { "messenger.Dialog", "visibility" }, /* all is visible */
};

static bool is_optional(const ProtobufCMessageDescriptor *type,
                        const ProtobufCFieldDescriptor *field)
{
    for (size_t i = 0; i < sizeof(optionals) / sizeof(optionals[0]); i++)
        if (strcmp(optionals[i].type, type->name) == 0 &&
            strcmp(optionals[i].field, field->name) == 0)
            return true;
    return false;
}

static bool are_kept_by_list(const ProtobufCMessage *reply, const ProtobufCFieldDescriptor *field)
{
    const ProtobufCMessage *const *items;
    size_t count;

    memcpy(&count, (const char *)reply + field->quantifier_offset, sizeof(count));
    memcpy(&items, (const char *)reply + field->offset, sizeof(items));
    for (size_t i = 0; i < count; i++)
        if (!reply_bounds_are_kept(items[i]))
            return false;
    return true;
}

static bool are_kept_by_field(const ProtobufCMessage *reply, const ProtobufCFieldDescriptor *field)
{
    const ProtobufCMessage *inner;

    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) /* of notifications: none may be set */
        return true;
    memcpy(&inner, (const char *)reply + field->offset, sizeof(inner));
    return inner != NULL ? reply_bounds_are_kept(inner) : is_optional(reply->descriptor, field);
}

bool reply_bounds_are_kept(const ProtobufCMessage *reply)
{
    for (unsigned i = 0; i < reply->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &reply->descriptor->fields[i];
        if (field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (field->label == PROTOBUF_C_LABEL_REPEATED ? !are_kept_by_list(reply, field)
                                                      : !are_kept_by_field(reply, field))
            return false;
    }
    return true;
}
