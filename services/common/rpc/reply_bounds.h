#ifndef COMMON_RPC_REPLY_BOUNDS_H
#define COMMON_RPC_REPLY_BOUNDS_H

#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

/*
 * Whether a reply has the messages inside it that a service always sends, in its lists, too: so
 * those who read replies need not ask for each. Protobuf has no required fields, and a service of
 * another version, or a faulty one, may leave any out. Listed in reply_bounds.c are those that may
 * be missing: their readers ask.
 */
bool reply_bounds_are_kept(const ProtobufCMessage *reply);

#endif
