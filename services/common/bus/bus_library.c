#include "services/common/bus/bus_library.h"

#include <stdatomic.h>

#include "services/common/base/log.h"

#if NATS_VERSION_NUMBER < 0x030400
#error "nats.c 3.4 or newer is needed (Debian 12: libnats-dev)"
#endif

/* Weak: NULL where the library does not have it. */
#define OPTIONAL __attribute__((weak))

OPTIONAL void natsConn_setFilterWithClosure(natsConnection *nats, bus_library_filter *filter,
                                            void *ctx);
OPTIONAL void natsMsg_free(void *message);
#if NATS_VERSION_NUMBER < 0x030a00
OPTIONAL void natsConnection_ProcessCloseEvent(natsSock *socket);
#else
extern OPTIONAL __typeof__(natsConnection_ProcessCloseEvent) natsConnection_ProcessCloseEvent;
#endif
#if NATS_VERSION_NUMBER < 0x030b00
OPTIONAL void natsConnection_ProcessDetachedEvent(natsConnection *nats);
#else
extern OPTIONAL __typeof__(natsConnection_ProcessDetachedEvent) natsConnection_ProcessDetachedEvent;
#endif

static atomic_bool is_unused; /* the undeclared functions */

bool bus_library_supports(unsigned version)
{
    return version >= BUS_LIBRARY_VERSION_MIN && version < BUS_LIBRARY_VERSION_END;
}

bool bus_library_check(void)
{
    unsigned version = nats_GetVersionNumber();

    if (version < BUS_LIBRARY_VERSION_MIN || version >> 16 != BUS_LIBRARY_VERSION_MIN >> 16) {
        log_error("libnats %s cannot be used: 3.4 or a newer 3.x is needed", nats_GetVersion());
        return false;
    }
    if (!bus_library_supports(version)) {
        log_warn("libnats %s has not been tested; its undeclared functions are not used",
                 nats_GetVersion());
        bus_library_use_undeclared(false);
    }
    return true;
}

void bus_library_use_undeclared(bool use)
{
    atomic_store(&is_unused, !use);
}

void bus_library_set_filter(natsConnection *nats, bus_library_filter *filter, void *ctx)
{
    if (natsConn_setFilterWithClosure != NULL && !atomic_load(&is_unused))
        natsConn_setFilterWithClosure(nats, filter, ctx);
}

void bus_library_free_message(natsMsg *message)
{
    if (natsMsg_free != NULL && !atomic_load(&is_unused))
        natsMsg_free(message);
    else
        natsMsg_Destroy(message);
}

void bus_library_close_socket(int fd)
{
    natsSock closing = fd;

    if (natsConnection_ProcessCloseEvent != NULL)
        natsConnection_ProcessCloseEvent(&closing);
}

void bus_library_release_detached(natsConnection *nats)
{
    if (natsConnection_ProcessDetachedEvent != NULL)
        natsConnection_ProcessDetachedEvent(nats);
}
