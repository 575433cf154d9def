#ifndef COMMON_RPC_WIRE_H
#define COMMON_RPC_WIRE_H

#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

#include "services/common/base/buffer.h"
#include "services/common/bus/bus.h"

/* Protobuf messages to bytes and back; the only file that calls the packing functions. */

/* Appends the packed message. */
void wire_pack(const ProtobufCMessage *message, struct buffer *out);

/* A new message, freed with wire_free; NULL when the bytes are not a message of this type. */
void *wire_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t length);

/* A borrowed string for a field of a message to pack: protobuf-c has no const, but packing only
 * reads. */
char *wire_borrow(const char *text);

/* NULL is allowed. */
void wire_free(void *message);

/* Publishes an event or a notification. False, and logged, when it could not be enqueued: its
 * receivers fetch it later. */
bool wire_publish(struct bus *bus, const char *subject, const ProtobufCMessage *message);

#endif
