#ifndef COMMON_RPC_REQUEST_BOUNDS_H
#define COMMON_RPC_REQUEST_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

/*
 * The bounds of every field of every request, in one table: a service checks them before it calls a
 * handler, as if the sender were hostile. A string is UTF-8 (proto3 requires it, protobuf-c does
 * not check it) of at most so many bytes, a list has at most so many items. What a client may send
 * is bounded by its frame (64 KiB) here, and by the rules of the handler, whose errors are for
 * users.
 */

/* What breaks the bounds, for people: "text: is not UTF-8", valid until the next call of this
 * thread; NULL: nothing. */
const char *request_bounds_check(const ProtobufCMessage *request);

/* Whether the table has a row for each field of this type, and of those inside it. */
bool request_bounds_cover(const ProtobufCMessageDescriptor *type);

#endif
