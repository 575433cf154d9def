#ifndef MESSAGE_VIEWS_H
#define MESSAGE_VIEWS_H

#include <stdbool.h>
#include <stddef.h>

#include "message.pb-c.h"
#include "services/message/store/message_store.h"

/*
 * Protobuf views of the store's data, for replies. A view borrows from the data and has pointers
 * into itself: it must not be moved once it is set.
 */
struct message_view {
    Messenger__Message proto;
    char hex[ID_HEX + 1], sender_tag[TAG_SIZE], receiver_tag[TAG_SIZE];
};
void message_view_set(struct message_view *view, const struct message *message);

struct dialog_view {
    Messenger__Dialog proto;
    struct message_view last;
    Messenger__Visibility visibility;
    char conversation_hex[ID_HEX + 1], peer_tag[TAG_SIZE];
};
/* `consent`: relation.h. */
void dialog_view_set(struct dialog_view *view, const struct dialog *dialog, bool consent);

/* What the user of the relation may see of the other one. Borrows nothing. */
void views_set_visibility(Messenger__Visibility *view, const struct relation *relation,
                          bool consent);

/* An audience of the store as a client's, and back; AUDIENCE_UNCHANGED is `unchanged`. */
void views_set_privacy(Messenger__Privacy *view, struct privacy privacy);
enum audience views_read_audience(Messenger__Audience view, enum audience unchanged);

/* A reply must fit into one message of the bus, 1 MB by default, or into fewer bytes that the
 * caller wants. Zeroed but for `max`: empty. */
struct reply_budget {
    size_t max; /* 0, or more than a message of the bus: one message */
    size_t bytes, entries;
};

/* Reserves space for an entry with this text. False when it does not fit; the first one always
 * does. */
bool reply_budget_take(struct reply_budget *budget, const char *text);

#endif
