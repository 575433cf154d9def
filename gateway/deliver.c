#include "gateway/deliver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.pb-c.h"
#include "gateway/recent.h"
#include "services/common/hashmap.h"
#include "services/common/json_writer.h"
#include "services/common/log.h"
#include "services/common/memory.h"
#include "services/common/wire.h"

/* About 150 bytes each; a change comes late by seconds, or never. */
enum { CHANGES_MOST = 65536 };

struct deliver {
    struct bus *bus;
    struct registry *registry;
    struct hashmap *subscriptions; /* key -> struct bus_subscription; changed in turns only */
    struct recent *changes;        /* user and contact -> the last change that was pushed */
};

/* --- what a notification looks like ------------------------------------------------------ */

static void begin(struct json_writer *w, const char *type, int code)
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
    begin(w, type, code);
    json_put_string(w, "_id", message->id);
    json_put_string(w, "senderTag", message->sender_tag);
    json_put_string(w, "receiverTag", message->receiver_tag);
    json_put_string(w, "text", message->text);
    json_put_int(w, "date", message->date_ms);
    json_put_int(w, "seq", (int64_t)message->seq);
}

static void put_tag(struct json_writer *w, const char *type, int code, const char *name,
                    const char *tag)
{
    begin(w, type, code);
    json_put_string(w, name, tag);
}

static void put_change(struct json_writer *w, const char *type, int code,
                       const Messenger__ProfileChange *change)
{
    begin(w, type, code);
    json_put_string(w, "tag", change->tag);
    if (*change->first_name != '\0')
        json_put_string(w, "firstName", change->first_name);
    if (*change->last_name != '\0')
        json_put_string(w, "lastName", change->last_name);
    if (*change->img != '\0')
        json_put_string(w, "img", change->img);
}

/* False for a body that this version does not know. */
static bool put_notification(struct json_writer *w, const Messenger__Notification *n)
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
    default:
        return false;
    }
    json_end_object(w);
    json_end_object(w);
    return true;
}

/* --- from the bus to the sockets --------------------------------------------------------- */

/* Of a contact's presence the newest state counts: its events may come twice, and through two
 * instances of the message service in either order. */
static bool is_outdated(struct deliver *deliver, const char *key,
                        const Messenger__Notification *notification)
{
    bool online = notification->body_case == MESSENGER__NOTIFICATION__BODY_CONTACT_ONLINE;
    char name[2 * TAG_SIZE + 2];

    if (notification->change == 0)
        return false;
    snprintf(name, sizeof(name), "%s %s", key,
             online ? notification->contact_online : notification->contact_offline);
    return !recent_raise(deliver->changes, name, notification->change);
}

static void push(struct deliver *deliver, const Messenger__Notification *notification)
{
    struct json_writer w = { 0 };
    char key[TAG_SIZE];

    if (!tag_to_key(notification->receiver_tag, key) || is_outdated(deliver, key, notification))
        return;
    struct registry_list sessions = registry_of_user(deliver->registry, key);
    if (sessions.count > 0 && put_notification(&w, notification)) {
        struct frame *frame = frame_create(FRAME_TEXT, w.out.data, w.out.length);
        for (size_t i = 0; i < sessions.count; i++)
            if (strcmp(session_id(sessions.items[i]), notification->exclude_session) != 0)
                session_send(sessions.items[i], frame);
        frame_unref(&frame);
    }
    registry_list_finish(&sessions);
    buffer_finish(&w.out);
}

static void handle_notification(void *ctx, struct bus_message *message_take)
{
    struct bus_message *message = message_take;
    Messenger__Notification *notification =
        wire_unpack(&messenger__notification__descriptor, bus_message_data(message),
                    bus_message_length(message));

    if (notification != NULL)
        push(ctx, notification);
    else
        log_warn("%s carries no notification", bus_message_subject(message));
    wire_free(notification);
    bus_message_destroy(&message);
}

bool deliver_follow(struct deliver *deliver, const char *key)
{
    struct bus_subscription *subscription;
    char subject[TAG_SIZE + 8];

    snprintf(subject, sizeof(subject), "notify.%s", key);
    enum status status =
        bus_subscribe(deliver->bus, subject, NULL, handle_notification, deliver, &subscription);
    if (status != STATUS_OK) {
        log_warn("cannot subscribe to %s: %s", subject, status_name(status));
        return false;
    }
    hashmap_put(deliver->subscriptions, key, subscription);
    return true;
}

void deliver_unfollow(struct deliver *deliver, const char *key)
{
    struct bus_subscription *subscription = hashmap_remove(deliver->subscriptions, key);

    if (subscription != NULL)
        bus_unsubscribe(&subscription);
}

struct deliver *deliver_create(struct bus *bus)
{
    struct deliver *deliver = xcalloc(1, sizeof(*deliver));

    deliver->bus = bus;
    deliver->subscriptions = hashmap_create();
    deliver->changes = recent_create(CHANGES_MOST);
    return deliver;
}

void deliver_set_registry(struct deliver *deliver, struct registry *registry)
{
    deliver->registry = registry;
}

void deliver_destroy(struct deliver **deliver)
{
    const char *key;
    void *subscription;

    if (*deliver == NULL)
        return;
    for (size_t cursor = 0; hashmap_next((*deliver)->subscriptions, &cursor, &key, &subscription);)
        bus_unsubscribe((struct bus_subscription **)&subscription);
    hashmap_destroy(&(*deliver)->subscriptions);
    recent_destroy(&(*deliver)->changes);
    free(*deliver);
    *deliver = NULL;
}
