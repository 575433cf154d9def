#ifndef COMMON_BUS_INTERNAL_H
#define COMMON_BUS_INTERNAL_H

/* Shared by the bus*.c files only: the one place where the NATS library is known. */

#include <nats/nats.h>

#include "services/common/bus.h"

natsConnection *bus_nats(struct bus *bus);
enum status bus_status(natsStatus status);

#endif
