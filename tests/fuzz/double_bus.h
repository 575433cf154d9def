/*
 * A bus in memory, in place of services/common/bus: the subscriptions of the program under test are
 * called on the caller's thread, what it publishes is checked and counted, and its requests are
 * answered by a function of the fuzz program.
 */
#ifndef FUZZ_DOUBLE_BUS_H
#define FUZZ_DOUBLE_BUS_H

#include <stdbool.h>
#include <stddef.h>

#include "services/common/base/buffer.h"
#include "services/common/bus/bus.h"

/* Where answers to delivered messages are sent. */
#define DOUBLE_BUS_INBOX "_INBOX.fuzz.1"
/* What nats-server accepts by default. */
enum { DOUBLE_BUS_PAYLOAD_MAX = 1024 * 1024 };

struct bus *double_bus(void);

/* Gives a message to all subscriptions that match its subject. How many there are. */
size_t double_bus_deliver(const char *subject, const char *reply_to, const void *data,
                          size_t length);

/* What was sent to the inbox since the last call of double_bus_forget. */
struct double_bus_answer {
    size_t count;
    char error_code[16]; /* "": it has none */
    struct buffer data;
};
const struct double_bus_answer *double_bus_answered(void);
void double_bus_forget(void);

/* Answers a request of the program: STATUS_OK and `data_out`; with a code of status.h in
 * `*error_out` the data is an ErrorDetail. Any other status: the request fails with it. NULL:
 * nobody is there. */
typedef enum status double_bus_responder(const char *subject, const void *data, size_t length,
                                         struct buffer *data_out, enum status *error_out);
void double_bus_respond(double_bus_responder *responder);

#endif
