#ifndef COMMON_BUS_BUS_INTERNAL_H
#define COMMON_BUS_BUS_INTERNAL_H

/* Shared by the bus*.c files only: the one place where the NATS library is known. */

#include <nats/nats.h>

#include "services/common/bus/bus.h"
#include "services/common/bus/bus_inbound.h"
#include "services/common/bus/bus_library.h"
#include "services/common/bus/bus_loop.h"
#include "services/common/bus/bus_replies.h"
#include "services/common/bus/bus_sender.h"

enum { BUS_INBOX_SIZE = 96 };

natsConnection *bus_nats(struct bus *bus);
struct bus_replies *bus_replies_of(struct bus *bus);
struct bus_sender *bus_sender_of(struct bus *bus);
struct bus_inbound *bus_inbound_of(struct bus *bus);
struct bus_loop *bus_loop_of(struct bus *bus);
const char *bus_inbox(const struct bus *bus);
enum status bus_status(natsStatus status);

natsStatus bus_make_message(const char *subject, const char *reply_to,
                            const struct bus_header *headers, size_t header_count, const void *data,
                            size_t length, natsMsg **message_out);

#endif
