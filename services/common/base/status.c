#include "services/common/base/status.h"

#include <stddef.h>

static const struct {
    enum status status;
    const char *name;
} names[] = {
    { STATUS_OK, "OK" },
    { STATUS_INVALID_ARGUMENT, "INVALID_ARGUMENT" },
    { STATUS_UNAUTHENTICATED, "UNAUTHENTICATED" },
    { STATUS_FORBIDDEN, "FORBIDDEN" },
    { STATUS_NOT_FOUND, "NOT_FOUND" },
    { STATUS_ALREADY_EXISTS, "ALREADY_EXISTS" },
    { STATUS_CONFLICT, "CONFLICT" },
    { STATUS_LIMITED, "LIMITED" },
    { STATUS_BUSY, "BUSY" },
    { STATUS_INTERNAL, "INTERNAL" },
    { STATUS_UNAVAILABLE, "UNAVAILABLE" },
    { STATUS_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED" },
};

const char *status_name(enum status status)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].status == status)
            return names[i].name;
    return "UNKNOWN";
}

enum status status_from_number(long number)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if ((long)names[i].status == number)
            return names[i].status;
    return STATUS_INTERNAL;
}
