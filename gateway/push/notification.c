#include "gateway/push/notification.h"

#include <stdint.h>

#include "gateway/json/message_json.h"
#include "gateway/json/privacy_json.h"

static void begin_notification(struct json_writer *w, const char *type, int code)
{
    json_begin_object(w);
    json_put_string(w, "type", type);
    json_put_int(w, "code", code);
    json_key(w, "body");
    json_begin_object(w);
}

static void put_message(struct json_writer *w, const char *type, int code,
                        const Messenger__Message *message)
{
    begin_notification(w, type, code);
    message_json_put(w, message, MESSAGE_JSON_NOTIFIED);
}

static void put_tag(struct json_writer *w, const char *type, int code, const char *name,
                    const char *tag)
{
    begin_notification(w, type, code);
    json_put_string(w, name, tag);
}

static void put_change(struct json_writer *w, const char *type, int code,
                       const Messenger__ProfileChange *change)
{
    begin_notification(w, type, code);
    json_put_string(w, "tag", change->tag);
    if (*change->first_name != '\0')
        json_put_string(w, "firstName", change->first_name);
    if (*change->last_name != '\0')
        json_put_string(w, "lastName", change->last_name);
    if (*change->img != '\0')
        json_put_string(w, "img", change->img);
}

static void put_relation(struct json_writer *w, const Messenger__RelationChange *change)
{
    begin_notification(w, "relationChanges", 3202);
    json_put_string(w, "tag", change->tag);
    json_put_bool(w, "isAdded", change->is_added);
    json_put_bool(w, "isBlocked", change->is_blocked);
}

bool notification_put(struct json_writer *w, const Messenger__Notification *n)
{
    switch (n->body_case) {
    case MESSENGER__NOTIFICATION__BODY_NEW_MESSAGE:
        put_message(w, "newMessage", 3001, n->new_message);
        break;
    case MESSENGER__NOTIFICATION__BODY_MESSAGE_SENT:
        put_message(w, "messageSent", 3002, n->message_sent);
        break;
    case MESSENGER__NOTIFICATION__BODY_CONTACT_OFFLINE:
        put_tag(w, "contactOffline", 3100, "loggedOutUserTag", n->contact_offline);
        break;
    case MESSENGER__NOTIFICATION__BODY_CONTACT_ONLINE:
        put_tag(w, "contactOnline", 3101, "loggedInUserTag", n->contact_online);
        break;
    case MESSENGER__NOTIFICATION__BODY_CONTACT_CHANGED:
        if (n->contact_changed->is_deleted)
            put_tag(w, "contactDeleted", 3204, "tag", n->contact_changed->tag);
        else
            put_change(w, "contactPersonalDataChanges", 3200, n->contact_changed);
        break;
    case MESSENGER__NOTIFICATION__BODY_SELF_CHANGED:
        put_change(w, "selfPersonalDataChanges", 3201, n->self_changed);
        break;
    case MESSENGER__NOTIFICATION__BODY_MESSAGE_WAS_READ:
        put_tag(w, "messageWasRead", 3300, "receiverTag", n->message_was_read);
        break;
    case MESSENGER__NOTIFICATION__BODY_DIALOG_WAS_READ:
        put_tag(w, "dialogWasRead", 3301, "senderTag", n->dialog_was_read);
        break;
    case MESSENGER__NOTIFICATION__BODY_RELATION_CHANGED:
        put_relation(w, n->relation_changed);
        break;
    case MESSENGER__NOTIFICATION__BODY_PRIVACY_CHANGED:
        begin_notification(w, "privacyChanges", 3203);
        privacy_json_put(w, n->privacy_changed);
        break;
    default:
        return false;
    }
    if (n->user_seq > 0)
        json_put_int(w, "userSeq", (int64_t)n->user_seq);
    json_end_object(w);
    json_end_object(w);
    return true;
}
