#include "tests/fuzz/rpc_drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.pb-c.h"
#include "services/common/base/memory.h"
#include "services/common/base/text.h"
#include "services/common/rpc/wire.h"
#include "tests/fuzz/double_bus.h"
#include "tests/fuzz/fuzz.h"

enum { REASON_MAX = 199 }; /* what a caller keeps of it: rpc_client.h */

static bool is_text_item(const ProtobufCFieldDescriptor *field, const void *item)
{
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        const char *text = *(const char *const *)item;
        return text == NULL || text_is_utf8(text, strlen(text));
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *message = *(const ProtobufCMessage *const *)item;
        return message == NULL || rpc_drive_is_text(message);
    }
    return true;
}

bool rpc_drive_is_text(const ProtobufCMessage *message)
{
    const char *base = (const char *)message;

    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        bool is_pointer =
            field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE;
        const char *place = base + field->offset;
        size_t count = 1;
        unsigned which;
        if (!is_pointer)
            continue;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            memcpy(&count, base + field->quantifier_offset, sizeof(count));
            const void *list = place;
            place = *(const char *const *)list;
        } else if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
            memcpy(&which, base + field->quantifier_offset, sizeof(which));
            count = which == field->id;
        }
        for (size_t j = 0; j < count; j++)
            if (!is_text_item(field, place + j * sizeof(void *)))
                return false;
    }
    return true;
}

static const ProtobufCMessageDescriptor *reply_type(const struct rpc_drive *drive,
                                                    const char *method)
{
    for (size_t i = 0; i < drive->reply_count; i++)
        if (strcmp(drive->replies[i].method, method) == 0)
            return drive->replies[i].type;
    fprintf(stderr, "rpc.%s.%s: add what it answers with to the table\n", drive->service, method);
    abort();
}

static void check_error(const struct double_bus_answer *answer)
{
    int64_t code;

    assert(text_to_int(answer->error_code, 400, 504, &code));
    assert(strcmp(status_name((enum status)code), "UNKNOWN") != 0);
    Messenger__ErrorDetail *detail =
        wire_unpack(&messenger__error_detail__descriptor, answer->data.data, answer->data.length);
    assert(detail != NULL);
    assert(rpc_drive_is_text(&detail->base) && strlen(detail->reason) <= REASON_MAX);
    wire_free(detail);
}

static void check_answer(const struct rpc_drive *drive, const char *method)
{
    const struct double_bus_answer *answer = double_bus_answered();
    const ProtobufCMessageDescriptor *type = reply_type(drive, method);

    assert(answer->count == 1);
    if (answer->error_code[0] != '\0') {
        check_error(answer);
        return;
    }
    ProtobufCMessage *reply = wire_unpack(type, answer->data.data, answer->data.length);
    assert(reply != NULL);
    assert(rpc_drive_is_text(reply));
    wire_free(reply);
}

void rpc_drive_call(const struct rpc_drive *drive, void *ctx, const struct choices_input *input)
{
    const char *method = drive->methods[input->method % drive->method_count].name;
    struct rpc_server_options options = {
        .bus = double_bus(),
        .service = drive->service,
        .methods = drive->methods,
        .method_count = drive->method_count,
        .ctx = ctx,
        .lanes = { [RPC_FAST] = { 1, 16 }, [RPC_SLOW] = { 1, 16 } },
        .turns = { RPC_SLOW, 16, drive->group },
    };
    char *subject = xasprintf("rpc.%s.%s", drive->service, method);
    struct rpc_server *server;

    double_bus_forget();
    assert(rpc_server_start(&options, &server) == STATUS_OK);
    double_bus_deliver(subject, DOUBLE_BUS_INBOX, input->payload, input->payload_size);
    if (drive->finish != NULL)
        drive->finish();
    check_answer(drive, method);
    rpc_server_stop(&server);
    double_bus_forget();
    free(subject);
}
