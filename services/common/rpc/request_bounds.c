#include "services/common/rpc/request_bounds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/text.h"

enum {
    NAME = 128,           /* an id, a tag, an address, the name of a session */
    CLIENT = 64 * 1024,   /* from a client's frame or form as it is */
    DEVICE = 1024,        /* a User-Agent, cut by the gateway */
    PICTURE = 768 * 1024, /* bytes */
    ITEMS = 1000,         /* of a list */
    REASON_SIZE = 96,
};

/* The same name means the same in every message. Numbers need no row: each handler checks its own.
 */
static const struct bound {
    const char *field;
    size_t bytes; /* of a string, or each of a list */
    size_t items; /* of a list; 1: it is none */
} bounds[] = {
    { "account", 0, 1 },
    { "account_id", NAME, 1 },
    { "accounts", 0, ITEMS },
    { "address", NAME, 1 },
    { "after_id", CLIENT, 1 },
    { "after_tag", CLIENT, 1 },
    { "before", NAME, 1 },
    { "client_message_id", CLIENT, 1 },
    { "client_network", NAME, 1 },
    { "code", CLIENT, 1 },
    { "content_type", NAME, 1 },
    { "data", PICTURE, 1 },
    { "device", DEVICE, 1 },
    { "email", CLIENT, 1 },
    { "epoch", CLIENT, 1 },
    { "exclude_tag", NAME, 1 },
    { "first_name", CLIENT, 1 },
    { "gateway_id", NAME, 1 },
    { "id", CLIENT, 1 },
    { "image", 0, 1 },
    { "img", CLIENT, 1 },
    { "invite", CLIENT, 1 },
    { "jti", NAME, 1 },
    { "jtis", NAME, ITEMS },
    { "kept_session", NAME, 1 },
    { "kind", NAME, 1 },
    { "last_name", CLIENT, 1 },
    { "name", CLIENT, 1 },
    { "new_password", CLIENT, 1 },
    { "offline", NAME, ITEMS },
    { "old_password", CLIENT, 1 },
    { "online", NAME, ITEMS },
    { "origin", NAME, 1 },
    { "owner_id", NAME, 1 },
    { "owner_tag", NAME, 1 },
    { "password", CLIENT, 1 },
    { "peer_tag", CLIENT, 1 },
    { "query", CLIENT, 1 },
    { "reader_id", NAME, 1 },
    { "reader_tag", NAME, 1 },
    { "receiver_tag", CLIENT, 1 },
    { "sender_id", NAME, 1 },
    { "sender_tag", CLIENT, 1 },
    { "session", 0, 1 },
    { "session_id", CLIENT, 1 },
    { "sessions", 0, ITEMS },
    { "tag", CLIENT, 1 },
    { "tags", CLIENT, ITEMS },
    { "text", CLIENT, 1 },
};
enum { BOUNDS = sizeof(bounds) / sizeof(bounds[0]) };

static int compare_bound(const void *field, const void *bound)
{
    return strcmp(field, ((const struct bound *)bound)->field);
}

static const struct bound *find_bound(const char *field)
{
    return bsearch(field, bounds, BOUNDS, sizeof(bounds[0]), compare_bound);
}

static bool is_number(const ProtobufCFieldDescriptor *field)
{
    return field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_BYTES &&
           field->type != PROTOBUF_C_TYPE_MESSAGE;
}

bool request_bounds_cover(const ProtobufCMessageDescriptor *type)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (is_number(field) && field->label != PROTOBUF_C_LABEL_REPEATED)
            continue;
        if (find_bound(field->name) == NULL)
            return false;
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && !request_bounds_cover(field->descriptor))
            return false;
    }
    return true;
}

/* --- checks ------------------------------------------------------------------------------ */

static const char *describe(const ProtobufCFieldDescriptor *field, const char *what)
{
    static _Thread_local char reason[REASON_SIZE];

    snprintf(reason, sizeof(reason), "%s: %s", field->name, what);
    return reason;
}

static const char *check_item(const ProtobufCFieldDescriptor *field, const struct bound *bound,
                              const void *item)
{
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)item)->len <= bound->bytes
                   ? NULL
                   : describe(field, "is too long");
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *const *message = item;
        return *message != NULL ? request_bounds_check(*message) : NULL;
    }
    const char *text = *(const char *const *)item;
    size_t length = strnlen(text, bound->bytes + 1);
    if (length > bound->bytes)
        return describe(field, "is too long");
    return text_is_utf8(text, length) ? NULL : describe(field, "is not UTF-8");
}

static size_t item_size(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData) : sizeof(void *);
}

static const char *check_field(const ProtobufCMessage *request,
                               const ProtobufCFieldDescriptor *field)
{
    const struct bound *bound = find_bound(field->name);
    const char *place = (const char *)request + field->offset;
    size_t count = 1;

    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        memcpy(&count, (const char *)request + field->quantifier_offset, sizeof(count));
        const void *list = place;
        place = *(const char *const *)list;
    } else if (is_number(field)) {
        return NULL;
    }
    if (bound == NULL)
        return describe(field, "has no bound");
    if (count > bound->items)
        return describe(field, "has too many items");
    for (size_t i = 0; i < count && !is_number(field); i++) {
        const char *problem = check_item(field, bound, place + i * item_size(field));
        if (problem != NULL)
            return problem;
    }
    return NULL;
}

const char *request_bounds_check(const ProtobufCMessage *request)
{
    for (unsigned i = 0; i < request->descriptor->n_fields; i++) {
        const char *problem = check_field(request, &request->descriptor->fields[i]);
        if (problem != NULL)
            return problem;
    }
    return NULL;
}
