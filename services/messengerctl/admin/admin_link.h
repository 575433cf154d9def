#ifndef MESSENGERCTL_ADMIN_ADMIN_LINK_H
#define MESSENGERCTL_ADMIN_ADMIN_LINK_H

#include <semaphore.h>
#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

#include "services/common/bus/bus.h"
#include "services/common/process/settings.h"
#include "services/messengerctl/command_line.h"

/* The connection to NATS, over which the user service serves the administrator (rpc.admin.*). */
struct admin_link {
    struct settings settings;
    struct bus *bus;
    sem_t connected;
};

/*
 * Connects. False, printed, when the settings are not usable, or NATS is. Ends the process with
 * status 1, printed, when NATS does not answer within ADMIN_LINK_CONNECT_S, and whenever it refuses
 * the log-in or a subject. Close in either case.
 */
enum { ADMIN_LINK_CONNECT_S = 5 };
bool admin_link_open(struct admin_link *link, const struct command_line *line);
void admin_link_close(struct admin_link *link);

struct admin_call {
    const char *method; /* of rpc.admin. */
    const ProtobufCMessage *request;
    const ProtobufCMessageDescriptor *reply_type;
    const char *missing; /* what to print when it is not found */
};

/* True: `*reply_out` is a message of that type, which the caller frees with wire_free. False: it is
 * NULL, and the reason is printed. Waits rpc.timeoutMs. */
bool admin_link_call(struct admin_link *link, const struct admin_call *call, void *reply_out);

/* The same for an empty reply. */
bool admin_link_do(struct admin_link *link, const struct admin_call *call);

/* Prints the address of the web client with a part behind '#', such as "invite=<code>". */
void admin_link_print_address(const struct admin_link *link, const char *part, const char *code);

#endif
