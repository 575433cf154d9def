/* Calls the methods of a service as they arrive from the bus: through the server's own decoding,
 * bounds and lanes (rpc_server.h), from tables of methods. */
#ifndef FUZZ_RPC_DRIVE_H
#define FUZZ_RPC_DRIVE_H

#include "services/common/rpc/rpc_server.h"
#include "tests/fuzz/choices.h"

/* What a method answers with. */
struct rpc_drive_reply {
    const char *method;
    const ProtobufCMessageDescriptor *type;
};

struct rpc_drive {
    const char *service;
    const struct rpc_method *methods;
    size_t method_count;
    const struct rpc_drive_reply *replies; /* of all methods: asserted */
    size_t reply_count;
    const char *(*group)(const struct rpc_method *method, const void *request); /* NULL: none */
    void (*finish)(void); /* calls what the store has deferred; NULL: nothing is */
};

/*
 * Starts a server, calls the method that the input selects, and asserts that there is exactly one
 * answer: a reply of its type, or an error of the closed list, in UTF-8, that the bus can carry.
 */
void rpc_drive_call(const struct rpc_drive *drive, void *ctx, const struct choices_input *input);

/* Whether all strings of a message, and of those in it, are UTF-8. */
bool rpc_drive_is_text(const ProtobufCMessage *message);

#endif
