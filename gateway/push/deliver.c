#include "gateway/push/deliver.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.pb-c.h"
#include "gateway/push/feeds.h"
#include "gateway/push/notification.h"
#include "gateway/push/recent_numbers.h"
#include "gateway/socket/ws_protocol.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/json_writer.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/bus/bus_subscription.h"
#include "services/common/rpc/wire.h"

/* About 150 bytes each; a change arrives seconds late at most. */
enum { CHANGES_MAX = 65536 };

/* For how long a change that was delivered can be newer than what is read: more than an instance of
 * the presence service lags behind, and than two machines' clocks differ. */
enum { NEWER_MS = 60000 };

struct deliver {
    struct bus *bus;
    struct registry *registry;
    struct feeds *feeds;
    struct hashmap *subscriptions; /* key -> struct bus_subscription; changed in turns only */
    /* "<user> <contact>" -> the last change that was pushed, as a stamp; "<user>" -> since when its
     * sockets have received all changes, likewise. */
    struct recent_numbers *changes;
    struct recent_numbers *hidden; /* "<user> <contact>" -> since when; 0: is visible */
    deliver_visibility_changed *visibility_changed;
    void *visibility_ctx;
};

/* --- from the bus to the sockets --------------------------------------------------------- */

enum { PAIR_SIZE = 2 * TAG_SIZE + 2 };

/* The number of a change and its state. Changes are numbered by the time, in microseconds. */
static uint64_t stamp_of(uint64_t change, bool online)
{
    return change << 1 | online;
}

static bool is_online(const Messenger__Notification *notification)
{
    return notification->body_case == MESSENGER__NOTIFICATION__BODY_CONTACT_ONLINE;
}

/* "<user> <contact>"; false when the contact's tag is none. */
static bool name_pair(const char *key, const char *contact_tag, char name_out[PAIR_SIZE])
{
    char contact[TAG_SIZE];

    if (!tag_to_key(contact_tag, contact))
        return false;
    snprintf(name_out, PAIR_SIZE, "%s %s", key, contact);
    return true;
}

/* False when it is not a change of presence. */
static bool name_changed(const char *key, const Messenger__Notification *notification,
                         char name_out[PAIR_SIZE])
{
    return notification->change != 0 &&
           name_pair(key,
                     is_online(notification) ? notification->contact_online
                                             : notification->contact_offline,
                     name_out);
}

static void send_to_sockets(struct deliver *deliver, const char *key,
                            const Messenger__Notification *notification)
{
    struct json_writer w = { 0 };

    struct registry_list sessions = registry_of_user(deliver->registry, key);
    struct ws_frame_out *frame =
        NULL; /* encoded for the first socket: often there is only the one that caused it */
    for (size_t i = 0; i < sessions.count; i++) {
        if (strcmp(session_id(sessions.items[i]), notification->exclude_session) == 0)
            continue;
        if (frame == NULL && notification_put(&w, notification))
            frame = ws_frame_out_create(WS_OPCODE_TEXT, w.out.data, w.out.length);
        if (frame != NULL)
            session_send(sessions.items[i], frame);
    }
    ws_frame_out_unref(&frame);
    registry_list_finish(&sessions);
    buffer_finish(&w.out);
}

static void send_opposite(struct deliver *deliver, const char *key,
                          const Messenger__Notification *notification)
{
    Messenger__Notification missed = MESSENGER__NOTIFICATION__INIT;

    if (is_online(notification)) {
        missed.body_case = MESSENGER__NOTIFICATION__BODY_CONTACT_OFFLINE;
        missed.contact_offline = notification->contact_online;
    } else {
        missed.body_case = MESSENGER__NOTIFICATION__BODY_CONTACT_ONLINE;
        missed.contact_online = notification->contact_offline;
    }
    send_to_sockets(deliver, key, &missed);
}

/* Of changes that were pushed before the user's first socket opened, the client may have read a
 * newer state. */
static bool is_same_again(struct deliver *deliver, const char *key, const char *name,
                          uint64_t stamp)
{
    uint64_t before = recent_numbers_get(deliver->changes, name);
    uint64_t since = recent_numbers_get(deliver->changes, key);

    return since != 0 && before > since && before < stamp && ((before ^ stamp) & 1) == 0;
}

/* Called by the feed, one notification at a time for each user. Sends it to all sockets of the user
 * except the one that caused it. Of a contact's presence the newest state counts: its events may be
 * duplicated, and overtake each other between the servers of a NATS cluster. */
static void push_to_sockets(void *ctx, const char *key, const Messenger__Notification *notification)
{
    struct deliver *deliver = ctx;
    char name[PAIR_SIZE];

    if (notification->body_case == MESSENGER__NOTIFICATION__BODY_VISIBILITY) {
        deliver->visibility_changed(deliver->visibility_ctx, key, notification->visibility);
        return;
    }
    if (name_changed(key, notification, name)) {
        if (notification->change <= recent_numbers_get(deliver->hidden, name))
            return;
        uint64_t stamp = stamp_of(notification->change, is_online(notification));
        bool same_again = is_same_again(deliver, key, name, stamp);
        if (!recent_numbers_raise(deliver->changes, name, stamp))
            return;
        if (same_again)
            send_opposite(deliver, key, notification);
    }
    send_to_sockets(deliver, key, notification);
}

static void count_calm(void *ctx, const char *key, size_t *calm_out, size_t *busy_out)
{
    struct deliver *deliver = ctx;

    struct registry_list sessions = registry_of_user(deliver->registry, key);
    for (size_t i = 0; i < sessions.count; i++)
        ++*(session_is_calm(sessions.items[i]) ? calm_out : busy_out);
    registry_list_finish(&sessions);
}

/* A socket that is slower than the others is pushed to until it is closed: they do not wait for
 * it. */
static bool has_space(void *ctx, const char *key)
{
    struct deliver *deliver = ctx;

    struct registry_list sessions = registry_of_user(deliver->registry, key);
    bool space = sessions.count == 0;
    for (size_t i = 0; i < sessions.count && !space; i++)
        space = session_has_space(sessions.items[i]);
    registry_list_finish(&sessions);
    return space;
}

/* Their clients cannot be updated: closes them, so that they read their lists again. */
static void close_sockets(void *ctx, const char *key)
{
    struct deliver *deliver = ctx;
    struct registry_list sessions =
        key != NULL ? registry_of_user(deliver->registry, key) : registry_all(deliver->registry);

    for (size_t i = 0; i < sessions.count; i++)
        session_close(sessions.items[i], WS_CLOSE_SERVICE_RESTART, "read your lists again");
    registry_list_finish(&sessions);
}

static void handle_notification(void *ctx, struct bus_message *message_take)
{
    struct deliver *deliver = ctx;
    struct bus_message *message = message_take;
    Messenger__Notification *notification =
        wire_unpack(&messenger__notification__descriptor, bus_message_data(message),
                    bus_message_length(message));
    char key[TAG_SIZE];

    if (notification == NULL || !tag_to_key(notification->receiver_tag, key)) {
        log_warn("%s carries no notification", bus_message_subject(message));
        wire_free(notification);
    } else {
        feeds_take(deliver->feeds, key, notification);
    }
    bus_message_destroy(&message);
}

bool deliver_follow(struct deliver *deliver, const char *key)
{
    struct bus_subscription *subscription;
    char subject[TAG_SIZE + 8];

    assert(deliver->registry != NULL && deliver->visibility_changed != NULL);
    snprintf(subject, sizeof(subject), "notify.%s", key);
    enum status status = bus_subscription_open(deliver->bus, subject, NULL, handle_notification,
                                               deliver, &subscription);
    if (status != STATUS_OK) {
        log_warn("cannot subscribe to %s: %s", subject, status_name(status));
        return false;
    }
    hashmap_put(deliver->subscriptions, key, subscription);
    recent_numbers_raise(deliver->changes, key, stamp_of((uint64_t)clock_wall_ms() * 1000, false));
    feeds_open(deliver->feeds, key);
    return true;
}

void deliver_unfollow(struct deliver *deliver, const char *key)
{
    struct bus_subscription *subscription = hashmap_remove(deliver->subscriptions, key);

    if (subscription != NULL)
        bus_subscription_close(&subscription);
    feeds_close(deliver->feeds, key);
}

/* --- what was fetched -------------------------------------------------------------------- */

struct presence_notice {
    struct deliver *deliver;
    const char *key;
    Messenger__Notification notification;
    bool again;      /* of deliver_presence */
    bool is_visible; /* of deliver_visibility */
};

static struct presence_notice presence_notice_of(struct deliver *deliver, const char *key,
                                                 const char *contact_tag, uint64_t change,
                                                 bool online)
{
    struct presence_notice notice = { .deliver = deliver, .key = key };

    messenger__notification__init(&notice.notification);
    notice.notification.change = change;
    if (online) {
        notice.notification.body_case = MESSENGER__NOTIFICATION__BODY_CONTACT_ONLINE;
        notice.notification.contact_online = wire_borrow(contact_tag);
    } else {
        notice.notification.body_case = MESSENGER__NOTIFICATION__BODY_CONTACT_OFFLINE;
        notice.notification.contact_offline = wire_borrow(contact_tag);
    }
    return notice;
}

static void push_presence(void *arg)
{
    struct presence_notice *notice = arg;
    char name[PAIR_SIZE];

    if (notice->again && name_changed(notice->key, &notice->notification, name) &&
        recent_numbers_get(notice->deliver->changes, name) >> 1 == notice->notification.change)
        notice->notification.change = 0; /* the state delivered last, once more */
    push_to_sockets(notice->deliver, notice->key, &notice->notification);
}

void deliver_presence(struct deliver *deliver, const char *key, const char *contact_tag,
                      uint64_t change, bool online, bool again)
{
    struct presence_notice notice = presence_notice_of(deliver, key, contact_tag, change, online);

    notice.again = again;
    feeds_in_turn(deliver->feeds, key, push_presence, &notice);
}

/* Sends what was fetched of a contact that is visible, as if its event had come. */
static void send_fetched(struct deliver *deliver, const char *key,
                         const Messenger__Notification *real)
{
    Messenger__Notification shown = MESSENGER__NOTIFICATION__INIT;

    shown.body_case = real->body_case;
    if (is_online(real))
        shown.contact_online = real->contact_online;
    else
        shown.contact_offline = real->contact_offline;
    send_to_sockets(deliver, key, &shown);
}

/* Of one that is offline, nothing is to be seen in either case; unless its event "online" was
 * delivered, and "offline" comes after what was fetched, and so is dropped. */
static void push_visibility(void *arg)
{
    const struct presence_notice *notice = arg;
    struct deliver *deliver = notice->deliver;
    const Messenger__Notification *real = &notice->notification;
    char name[PAIR_SIZE];

    if (!name_pair(notice->key, is_online(real) ? real->contact_online : real->contact_offline,
                   name))
        return;
    uint64_t stamp = stamp_of(real->change, is_online(real));
    uint64_t last = recent_numbers_get(deliver->changes, name);
    bool was_visible = recent_numbers_get(deliver->hidden, name) == 0;
    bool was_delivered = was_visible && last >= stamp;
    bool has_left = was_visible && last < stamp && last == stamp_of(last >> 1, true);
    recent_numbers_set(deliver->hidden, name,
                       notice->is_visible ? 0 : (uint64_t)clock_wall_ms() * 1000);
    if (notice->is_visible)
        recent_numbers_raise(deliver->changes, name, stamp);
    if (notice->is_visible && (is_online(real) ? !was_delivered : has_left))
        send_fetched(deliver, notice->key, real);
    else if (!notice->is_visible && is_online(real))
        send_opposite(deliver, notice->key, real);
}

void deliver_visibility(struct deliver *deliver, const char *key, const char *contact_tag,
                        uint64_t change, bool online, bool is_visible)
{
    struct presence_notice notice = presence_notice_of(deliver, key, contact_tag, change, online);

    notice.is_visible = is_visible;
    feeds_in_turn(deliver->feeds, key, push_visibility, &notice);
}

static void push_profile(void *arg)
{
    const struct presence_notice *notice = arg;

    send_to_sockets(notice->deliver, notice->key, &notice->notification);
}

void deliver_profile(struct deliver *deliver, const char *key, const Messenger__User *user)
{
    struct presence_notice notice = { .deliver = deliver, .key = key };
    Messenger__ProfileChange profile = MESSENGER__PROFILE_CHANGE__INIT;

    profile.tag = user->tag;
    profile.first_name = user->first_name;
    profile.last_name = user->last_name;
    profile.img = user->img;
    messenger__notification__init(&notice.notification);
    notice.notification.body_case = MESSENGER__NOTIFICATION__BODY_CONTACT_CHANGED;
    notice.notification.contact_changed = &profile;
    feeds_in_turn(deliver->feeds, key, push_profile, &notice);
}

bool deliver_newest_presence(struct deliver *deliver, const char *key, const char *contact_tag,
                             uint64_t change, bool online)
{
    uint64_t recent = (uint64_t)(clock_wall_ms() - NEWER_MS) * 1000;
    char name[PAIR_SIZE];

    if (!name_pair(key, contact_tag, name))
        return online;
    uint64_t stamp = recent_numbers_get(deliver->changes, name);
    return stamp >> 1 > change && stamp >> 1 > recent ? (stamp & 1) != 0 : online;
}

void deliver_check_all(struct deliver *deliver)
{
    feeds_check_all(deliver->feeds);
}

enum status deliver_wait_known(struct deliver *deliver, const char *key, int64_t deadline_us)
{
    return feeds_wait_known(deliver->feeds, key, deadline_us);
}

struct deliver *deliver_create(struct bus *bus)
{
    struct deliver *deliver = xcalloc(1, sizeof(*deliver));
    struct feed_sink sink = {
        .push = push_to_sockets,
        .count_calm = count_calm,
        .has_space = has_space,
        .lose = close_sockets,
        .ctx = deliver,
    };

    deliver->bus = bus;
    deliver->feeds = feeds_create(bus, &sink);
    deliver->subscriptions = hashmap_create();
    deliver->changes = recent_numbers_create(CHANGES_MAX);
    deliver->hidden = recent_numbers_create(CHANGES_MAX);
    return deliver;
}

void deliver_set_registry(struct deliver *deliver, struct registry *registry)
{
    deliver->registry = registry;
}

void deliver_on_visibility(struct deliver *deliver, deliver_visibility_changed *changed, void *ctx)
{
    deliver->visibility_changed = changed;
    deliver->visibility_ctx = ctx;
}

void deliver_destroy(struct deliver **deliver)
{
    const char *key;
    void *subscription;

    if (*deliver == NULL)
        return;
    for (size_t cursor = 0; hashmap_next((*deliver)->subscriptions, &cursor, &key, &subscription);)
        bus_subscription_close((struct bus_subscription **)&subscription);
    hashmap_destroy(&(*deliver)->subscriptions);
    feeds_destroy(&(*deliver)->feeds);
    recent_numbers_destroy(&(*deliver)->changes);
    recent_numbers_destroy(&(*deliver)->hidden);
    free(*deliver);
    *deliver = NULL;
}
