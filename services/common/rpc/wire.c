#include "services/common/rpc/wire.h"

#include <stdint.h>

#include "services/common/base/log.h"

void wire_pack(const ProtobufCMessage *message, struct buffer *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    out->length += protobuf_c_message_pack(message, (uint8_t *)buffer_reserve(out, size));
}

void *wire_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t length)
{
    return protobuf_c_message_unpack(type, NULL, length, data);
}

char *wire_borrow(const char *text)
{
    return (char *)(uintptr_t)text;
}

void wire_free(void *message)
{
    protobuf_c_message_free_unpacked(message, NULL);
}

bool wire_publish(struct bus *bus, const char *subject, const ProtobufCMessage *message)
{
    uint8_t small[1024];
    struct buffer large = { 0 };
    const void *data = small;
    size_t size = protobuf_c_message_get_packed_size(message);

    if (size <= sizeof(small)) {
        protobuf_c_message_pack(message, small);
    } else {
        wire_pack(message, &large);
        data = large.data;
    }
    enum status status = bus_publish(bus, subject, data, size);
    if (status != STATUS_OK)
        log_warn("cannot publish %s: %s", subject, status_name(status));
    buffer_finish(&large);
    return status == STATUS_OK;
}
