#include "services/common/bus/bus_parts.h"

#include <stdlib.h>

#include "services/common/bus/bus_library.h"

enum status bus_parts_status(natsStatus status)
{
    switch (status) {
    case NATS_OK:
        return STATUS_OK;
    case NATS_NOT_FOUND:
        return STATUS_NOT_FOUND;
    case NATS_TIMEOUT:
        return STATUS_DEADLINE_EXCEEDED;
    case NATS_CONNECTION_AUTH_FAILED:
        return STATUS_UNAUTHENTICATED;
    case NATS_INVALID_ARG:
    case NATS_INVALID_SUBJECT:
    case NATS_ADDRESS_MISSING:
        return STATUS_INVALID_ARGUMENT;
    case NATS_NO_MEMORY:
        abort();
    default:
        return STATUS_UNAVAILABLE;
    }
}

natsStatus bus_parts_message(const char *subject, const char *reply_to,
                             const struct bus_header *headers, size_t header_count,
                             const void *data, size_t length, natsMsg **message_out)
{
    natsStatus s = natsMsg_Create(message_out, subject, reply_to, data, (int)length);

    for (size_t i = 0; s == NATS_OK && i < header_count; i++)
        s = natsMsgHeader_Set(*message_out, headers[i].name, headers[i].value);
    if (s != NATS_OK)
        bus_library_free_message(*message_out);
    return s;
}
