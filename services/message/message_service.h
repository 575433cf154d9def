#ifndef MESSAGE_MESSAGE_SERVICE_H
#define MESSAGE_MESSAGE_SERVICE_H

#include <stdbool.h>

#include "services/common/bus/bus.h"
#include "services/message/store/message_store.h"
#include "services/message/user_directory.h"

/* The context of this service's handlers. */
struct message_service {
    struct bus *bus;
    struct message_store *store;
    struct user_directory *users;
    struct fanout *fanout;
    struct usage *usage;
    bool consent; /* the setting contacts.consent */
};

#endif
