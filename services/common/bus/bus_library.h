#ifndef COMMON_BUS_BUS_LIBRARY_H
#define COMMON_BUS_BUS_LIBRARY_H

#include <nats/nats.h>

/*
 * Two functions that the NATS library has, and exports, but does not declare: the same in 3.4.1,
 * which we are built with, as in 3.13. They are looked for when the program starts; without them
 * everything is as right, and slower.
 */

/*
 * `filter` sees each message on the thread that has read it, and keeps `*message` if it sets that
 * to NULL; it must not use the connection. May be set again. Without it nothing is kept, and the
 * library's threads deliver.
 */
typedef void bus_library_filter(natsConnection *nats, natsMsg **message, void *ctx);
void bus_library_set_filter(natsConnection *nats, bus_library_filter *filter, void *ctx);

/*
 * Frees a message at once; NULL is allowed. natsMsg_Destroy gives it to a thread of the library
 * that frees all, which has to be woken, and memory that another thread frees is dear.
 */
void bus_library_free_message(natsMsg *message);

#endif
