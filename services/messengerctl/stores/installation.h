#ifndef MESSENGERCTL_STORES_INSTALLATION_H
#define MESSENGERCTL_STORES_INSTALLATION_H

#include <stdbool.h>

#include "services/message/store/message_store.h"
#include "services/user/store/user_store.h"

/*
 * The data of an installation: the user store and the message store. Named by sqlite:///directory,
 * with users.db and messages.db in it, by mongodb://host/database, with both in one database, or by
 * @file, whose first line is one of these, so that a password need not be in a command line.
 */
struct installation {
    char *url;
    char *name; /* for messages: the URL without user, password and options */
    struct user_store *users;
    struct message_store *messages;
};

/* Parses the argument. False, printed, when it is invalid. */
bool installation_name(struct installation *installation, const char *argument);

/* Whether both name the same place. */
bool installation_same(const struct installation *one, const struct installation *other);

/* Opens both stores; a missing one is created, or refused if it must exist. False, printed, on
 * failure. */
bool installation_open(struct installation *installation, bool must_exist);

/* One that has not been opened is allowed. */
void installation_close(struct installation *installation);

/* Prints that an operation failed; returns the status. */
enum status installation_failed(const struct installation *installation, enum status status,
                                const char *doing);

#endif
