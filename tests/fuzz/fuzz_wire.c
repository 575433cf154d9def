/*
 * Bytes from the bus as each type of message: what was read, written and read again is the same,
 * and what is within the bounds of requests has only UTF-8. The first byte of an input selects the
 * type. Fields that this version does not know do not count: the library keeps some that it could
 * not read again.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.pb-c.h"
#include "presence.pb-c.h"
#include "services/common/base/log.h"
#include "services/common/rpc/request_bounds.h"
#include "services/common/rpc/wire.h"
#include "services/message/handlers.h"
#include "services/user/handlers.h"
#include "services/user/handlers_admin.h"
#include "sync.pb-c.h"
#include "tests/fuzz/rpc_drive.h"
#include "user.pb-c.h"

/* --- which type ------------------------------------------------------------------------------- */

static const ProtobufCMessageDescriptor *const others[] = {
    &messenger__notification__descriptor,        &messenger__change_list__descriptor,
    &messenger__user_updated__descriptor,        &messenger__user_registered__descriptor,
    &messenger__user_logged_out__descriptor,     &messenger__presence_changed__descriptor,
    &messenger__presence_entry__descriptor,      &messenger__gateway_alive__descriptor,
    &messenger__user_list__descriptor,           &messenger__dialog_list__descriptor,
    &messenger__session_list__descriptor,        &messenger__presence_update_request__descriptor,
    &messenger__get_changed_request__descriptor,
};
enum { OTHERS = sizeof(others) / sizeof(*others) };

/* Those of requests first. */
static const ProtobufCMessageDescriptor *find_type(unsigned number, bool *is_request_out)
{
    *is_request_out = true;
    if (number < user_method_count)
        return user_methods[number].request_type;
    number -= (unsigned)user_method_count;
    if (number < admin_method_count)
        return admin_methods[number].request_type;
    number -= (unsigned)admin_method_count;
    if (number < message_method_count)
        return message_methods[number].request_type;
    *is_request_out = false;
    return others[(number - message_method_count) % OTHERS];
}

/* --- unknown fields --------------------------------------------------------------------------- */

/* Calls `visit` for the message and all inside it. */
static void visit_all(ProtobufCMessage *message, void (*visit)(ProtobufCMessage *message))
{
    char *base = (char *)message;

    visit(message);
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        void *place = base + field->offset;
        size_t count = 1;
        unsigned which;
        if (field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            memcpy(&count, base + field->quantifier_offset, sizeof(count));
            place = *(void **)place;
        } else if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
            memcpy(&which, base + field->quantifier_offset, sizeof(which));
            count = which == field->id;
        }
        for (size_t j = 0; j < count; j++)
            if (((ProtobufCMessage **)place)[j] != NULL)
                visit_all(((ProtobufCMessage **)place)[j], visit);
    }
}

static void drop_unknown(ProtobufCMessage *message)
{
    for (unsigned i = 0; i < message->n_unknown_fields; i++)
        free(message->unknown_fields[i].data);
    free(message->unknown_fields);
    message->unknown_fields = NULL;
    message->n_unknown_fields = 0;
}

/* ---------------------------------------------------------------------------------------------- */

static void check_again(ProtobufCMessage *message)
{
    struct buffer once = { 0 }, twice = { 0 };

    visit_all(message, drop_unknown);
    wire_pack(message, &once);
    ProtobufCMessage *back = wire_unpack(message->descriptor, once.data, once.length);
    assert(back != NULL);
    wire_pack(back, &twice);
    assert(once.length == twice.length);
    assert(once.length == 0 || memcmp(once.data, twice.data, once.length) == 0);
    wire_free(back);
    buffer_finish(&once);
    buffer_finish(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool is_request;

    log_init("fuzz", LOG_LEVEL_NONE);
    if (size < 1)
        return 0;
    const ProtobufCMessageDescriptor *type = find_type(data[0], &is_request);
    ProtobufCMessage *message = wire_unpack(type, data + 1, size - 1);
    if (message == NULL)
        return 0;
    if (is_request && request_bounds_check(message) == NULL)
        assert(rpc_drive_is_text(message));
    check_again(message);
    wire_free(message);
    return 0;
}
