#ifndef COMMON_BUS_BUS_MESSAGE_H
#define COMMON_BUS_BUS_MESSAGE_H

#include <stddef.h>

/* A message received from the bus. One thread at a time; destroyed by its owner. */
struct bus_message;

struct bus_header {
    const char *name;
    const char *value; /* without CR or LF */
};

/* All borrowed from the message. A missing header is NULL. */
const char *bus_message_subject(const struct bus_message *message);
const char *bus_message_reply_to(const struct bus_message *message); /* NULL: no reply wanted */
const void *bus_message_data(const struct bus_message *message);
size_t bus_message_length(const struct bus_message *message);
const char *bus_message_header(const struct bus_message *message, const char *name);

/* Sets `*message` to NULL; NULL is allowed. */
void bus_message_destroy(struct bus_message **message);

#endif
