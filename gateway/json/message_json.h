#ifndef GATEWAY_JSON_MESSAGE_JSON_H
#define GATEWAY_JSON_MESSAGE_JSON_H

#include "message.pb-c.h"
#include "services/common/base/json_writer.h"

/* A message as clients see it, in answers and in notifications. */
enum message_json_form {
    MESSAGE_JSON_LISTED,   /* date in ISO 8601, isRead: getMessagesWithUser, sync */
    MESSAGE_JSON_SENT,     /* date in ms since 1970, isRead: sendMessageToUser */
    MESSAGE_JSON_NOTIFIED, /* date in ms since 1970, no isRead: notifications */
};

/* Writes the members, without the braces, so that the caller can add its own. */
void message_json_put(struct json_writer *w, const Messenger__Message *message,
                      enum message_json_form form);

/* Writes a message in the form MESSAGE_JSON_LISTED as an object. */
void message_json_put_listed(struct json_writer *w, const Messenger__Message *message);

/* The member "date" in ISO 8601. */
void message_json_put_iso_date(struct json_writer *w, int64_t date_ms);

#endif
