#include "services/common/bus/bus_library.h"

__attribute__((weak)) void natsConn_setFilterWithClosure(natsConnection *nats,
                                                         bus_library_filter *filter, void *ctx);
__attribute__((weak)) void natsMsg_free(void *message);

void bus_library_set_filter(natsConnection *nats, bus_library_filter *filter, void *ctx)
{
    if (natsConn_setFilterWithClosure != NULL)
        natsConn_setFilterWithClosure(nats, filter, ctx);
}

void bus_library_free_message(natsMsg *message)
{
    if (natsMsg_free != NULL)
        natsMsg_free(message);
    else
        natsMsg_Destroy(message);
}
