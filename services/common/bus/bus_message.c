#include "services/common/bus/bus_message.h"

#include <stdint.h>

#include "services/common/bus/bus_library.h"

static natsMsg *library_message(const struct bus_message *message)
{
    return (natsMsg *)(uintptr_t)message;
}

const char *bus_message_subject(const struct bus_message *message)
{
    return natsMsg_GetSubject(library_message(message));
}

const char *bus_message_reply_to(const struct bus_message *message)
{
    return natsMsg_GetReply(library_message(message));
}

const void *bus_message_data(const struct bus_message *message)
{
    return natsMsg_GetData(library_message(message));
}

size_t bus_message_length(const struct bus_message *message)
{
    return (size_t)natsMsg_GetDataLength(library_message(message));
}

const char *bus_message_header(const struct bus_message *message, const char *name)
{
    const char *value = NULL;

    return natsMsgHeader_Get(library_message(message), name, &value) == NATS_OK ? value : NULL;
}

void bus_message_destroy(struct bus_message **message)
{
    bus_library_free_message((natsMsg *)*message);
    *message = NULL;
}
