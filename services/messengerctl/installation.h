#ifndef MESSENGERCTL_INSTALLATION_H
#define MESSENGERCTL_INSTALLATION_H

#include <stdbool.h>

#include "services/message/store/message_store.h"
#include "services/user/store/user_store.h"

/*
 * All that an installation keeps: the users' store and the messages'. It is named by
 * sqlite:///directory, with users.db and messages.db in it as the services name them, or by
 * mongodb://host/database, where both lie in one database, or by @file, the first line of which is
 * one of those: so a password need not stand in a command line.
 */
struct installation {
    char *url;
    char *name; /* for people: the URL without user, password and options */
    struct user_store *users;
    struct message_store *messages;
};

/* Reads the argument. False: it names none; the reason has been printed. */
bool installation_name(struct installation *installation, const char *argument);

/* Are they the same place? */
bool installation_same(const struct installation *one, const struct installation *other);

/* Opens both stores; what is not there is made, or refused if it must be. False: the reason has
 * been printed. */
bool installation_open(struct installation *installation, bool must_exist);

/* Also of one that has not been opened. */
void installation_close(struct installation *installation);

/* Prints that it could not do what it was asked for; returns the status. */
enum status installation_failed(const struct installation *installation, enum status status,
                                const char *doing);

#endif
