/* Messages of any type, made of the choices of an input (choices.h): as a service might answer. */
#ifndef FUZZ_WIRE_MAKE_H
#define FUZZ_WIRE_MAKE_H

#include <protobuf-c/protobuf-c.h>

#include "services/common/base/buffer.h"

/* Appends a message of the type. Strings are UTF-8, single messages inside are there most of the
 * time, one of each `oneof`; lists have few items, sometimes many. */
void wire_make(const ProtobufCMessageDescriptor *type, struct buffer *out);

#endif
