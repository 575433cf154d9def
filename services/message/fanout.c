#include "services/message/fanout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.pb-c.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/workpool.h"
#include "services/common/bus/bus_subscription.h"
#include "services/common/rpc/wire.h"
#include "services/message/views.h"

enum { EVENTS_MAX = 65536, SUBSCRIPTIONS = 3, FIND_TIMEOUT_MS = 2000 };

struct fanout {
    struct bus *bus;
    struct message_store *store;
    struct user_directory *users;
    bool consent;
    struct workpool *pool; /* one thread: the events of a user keep their order */
    struct bus_subscription *subscriptions[SUBSCRIPTIONS];
};

static void note_contacts(struct fanout *fanout, const struct message_user *one,
                          const struct message_user *other);

static void notify_user(struct bus *bus, const char *key, Messenger__Notification *notification)
{
    char subject[TAG_SIZE + 8], tag[TAG_SIZE + 1], tag_key[TAG_SIZE];

    account_name_strip(key, tag_key);
    snprintf(subject, sizeof(subject), "notify.%s", tag_key);
    snprintf(tag, sizeof(tag), "@%s", tag_key);
    notification->receiver_tag = tag;
    wire_publish(bus, subject, &notification->base);
    notification->receiver_tag = wire_borrow(protobuf_c_empty_string); /* `tag` ends here */
}

/* What the user may see of the other one is fetched by its gateways. */
static void notify_visibility(struct bus *bus, const char *key, const char *other_key,
                              bool presence, bool profile)
{
    Messenger__Notification notification = MESSENGER__NOTIFICATION__INIT;
    Messenger__VisibilityChange change = MESSENGER__VISIBILITY_CHANGE__INIT;
    char other[TAG_SIZE], tag[TAG_SIZE + 1];

    account_name_strip(other_key, other);
    snprintf(tag, sizeof(tag), "@%s", other);
    change.tag = tag;
    change.presence = presence;
    change.profile = profile;
    notification.body_case = MESSENGER__NOTIFICATION__BODY_VISIBILITY;
    notification.visibility = &change;
    if (presence || profile)
        notify_user(bus, key, &notification);
}

/* Of two users, the relation of the first one before and after something. Nothing is sent to a user
 * for whom nothing has changed: it would show that there was something. */
static void notify_changed(struct fanout *fanout, const char *key, const char *other_key,
                           const struct relation *before, const struct relation *after)
{
    bool profile = relation_is_blocked(before) != relation_is_blocked(after);

    notify_visibility(fanout->bus, key, other_key,
                      relation_i_see_them(before, fanout->consent) !=
                          relation_i_see_them(after, fanout->consent),
                      profile);
    notify_visibility(fanout->bus, other_key, key,
                      relation_they_see_me(before, fanout->consent) !=
                          relation_they_see_me(after, fanout->consent),
                      profile);
}

static void notify_receiver(struct fanout *fanout, const struct message_send *send,
                            Messenger__Notification *notification, Messenger__Message *message)
{
    const struct relation of_receiver = relation_mirror(&send->relation);

    message->seq = send->receiver_seq;
    message->is_request = relation_is_request(&of_receiver, fanout->consent);
    notification->body_case = MESSENGER__NOTIFICATION__BODY_NEW_MESSAGE;
    notification->new_message = message;
    notification->user_seq = send->receiver_user_seq;
    notify_user(fanout->bus, send->receiver.key, notification);
}

void fanout_message(struct fanout *fanout, const struct message_send *send, const char *origin)
{
    Messenger__Notification notification = MESSENGER__NOTIFICATION__INIT;
    Messenger__MessageSent event = MESSENGER__MESSAGE_SENT__INIT;
    Messenger__Message message = MESSENGER__MESSAGE__INIT;
    char id[ID_HEX + 1], sender_tag[TAG_SIZE], receiver_tag[TAG_SIZE];

    id_to_hex(&send->id, id);
    account_name_strip(send->sender.tag, sender_tag);
    account_name_strip(send->receiver.tag, receiver_tag);
    message.id = id;
    message.sender_tag = sender_tag;
    message.receiver_tag = receiver_tag;
    message.text = wire_borrow(send->text);
    message.date_ms = send->date_ms;
    message.client_message_id = wire_borrow(send->client_message_id);

    notification.exclude_session = wire_borrow(origin);
    if (!send->withheld)
        notify_receiver(fanout, send, &notification, &message);
    message.seq = send->seq;
    message.is_request = false;
    notification.body_case = MESSENGER__NOTIFICATION__BODY_MESSAGE_SENT;
    notification.message_sent = &message;
    notification.user_seq = send->sender_user_seq;
    notify_user(fanout->bus, send->sender.key, &notification);

    message.text = wire_borrow(""); /* events are for people who watch */
    event.message = &message;
    wire_publish(fanout->bus, "event.message.sent", &event.base);
    if (send->is_first && send->relation.they_wrote && !send->withheld)
        note_contacts(fanout, &send->sender, &send->receiver);
}

void fanout_read(struct fanout *fanout, const struct message_mark *mark, const char *origin)
{
    Messenger__Notification notification = MESSENGER__NOTIFICATION__INIT;
    Messenger__MessageRead event = MESSENGER__MESSAGE_READ__INIT;
    char reader_tag[TAG_SIZE], sender_tag[TAG_SIZE];

    account_name_strip(mark->reader_tag, reader_tag);
    account_name_strip(mark->sender_tag, sender_tag);
    notification.exclude_session = wire_borrow(origin);
    if (mark->sender_user_seq > 0) {
        notification.body_case = MESSENGER__NOTIFICATION__BODY_MESSAGE_WAS_READ;
        notification.message_was_read = reader_tag;
        notification.user_seq = mark->sender_user_seq;
        notify_user(fanout->bus, mark->sender.key, &notification);
    }
    notification.body_case = MESSENGER__NOTIFICATION__BODY_DIALOG_WAS_READ;
    notification.dialog_was_read = sender_tag;
    notification.user_seq = mark->reader_user_seq;
    notify_user(fanout->bus, mark->reader.key, &notification);

    event.reader_tag = reader_tag;
    event.sender_tag = sender_tag;
    event.newly_read = mark->newly_read;
    wire_publish(fanout->bus, "event.message.read", &event.base);
}

void fanout_relation(struct fanout *fanout, const struct relation_change *change,
                     const struct relation *before, const struct relation *after,
                     const char *origin)
{
    Messenger__Notification notification = MESSENGER__NOTIFICATION__INIT;
    Messenger__RelationChange relation = MESSENGER__RELATION_CHANGE__INIT;
    char tag[TAG_SIZE];

    account_name_strip(change->peer.tag, tag);
    relation.tag = tag;
    relation.is_added = after->mine == RELATION_ADDED;
    relation.is_blocked = after->mine == RELATION_BLOCKED;
    notification.exclude_session = wire_borrow(origin);
    notification.body_case = MESSENGER__NOTIFICATION__BODY_RELATION_CHANGED;
    notification.relation_changed = &relation;
    notify_user(fanout->bus, change->owner.key, &notification);
    notify_changed(fanout, change->owner.key, change->peer.key, before, after);
}

static void notify_privacy(struct fanout *fanout, const struct message_user *user,
                           struct privacy privacy, const char *origin)
{
    Messenger__Notification notification = MESSENGER__NOTIFICATION__INIT;
    Messenger__Privacy view;

    views_set_privacy(&view, privacy);
    notification.exclude_session = wire_borrow(origin);
    notification.body_case = MESSENGER__NOTIFICATION__BODY_PRIVACY_CHANGED;
    notification.privacy_changed = &view;
    notify_user(fanout->bus, user->key, &notification);
}

void fanout_privacy(struct fanout *fanout, const struct message_user *user, struct privacy before,
                    struct privacy privacy, const char *origin)
{
    struct message_contacts contacts;

    notify_privacy(fanout, user, privacy, origin);
    enum status status = message_store_contacts(fanout->store, user->key, &contacts);
    if (status != STATUS_OK) {
        log_warn("what the contacts of %s may see is not refreshed: %s", user->tag,
                 status_name(status));
        return;
    }
    bus_hold(fanout->bus);
    for (size_t i = 0; i < contacts.count; i++) {
        struct relation old = contacts.items[i].relation, new = old;
        old.my_privacy = before;
        new.my_privacy = privacy;
        notify_changed(fanout, user->key, contacts.items[i].key, &old, &new);
    }
    bus_release(fanout->bus);
    message_contacts_finish(&contacts);
}

/* --- new contacts ------------------------------------------------------------------------- */

struct contacts_job {
    struct fanout *fanout;
    struct message_user one, other; /* the first has answered */
};

static void run_contacts(void *arg)
{
    struct contacts_job *job = arg;
    char keys[1][ACCOUNT_NAME_SIZE];
    struct relation after;

    memcpy(keys[0], job->other.key, sizeof(keys[0]));
    enum status status = message_store_relations(job->fanout->store, job->one.key,
                                                 (const char(*)[ACCOUNT_NAME_SIZE])keys, 1, &after);
    if (status == STATUS_OK) {
        struct relation before = after;
        before.i_wrote = false;
        notify_changed(job->fanout, job->one.key, job->other.key, &before, &after);
    } else {
        log_warn("what %s may see of a new contact is not refreshed: %s", job->one.tag,
                 status_name(status));
    }
    free(job);
}

static void note_contacts(struct fanout *fanout, const struct message_user *one,
                          const struct message_user *other)
{
    struct contacts_job *job = xmalloc(sizeof(*job));

    *job = (struct contacts_job){ fanout, *one, *other };
    if (!workpool_submit(fanout->pool, run_contacts, job)) {
        log_warn("dropped that %s has a new contact: too many events are waiting", one->tag);
        free(job);
    }
}

/* --- events of other services ------------------------------------------------------------- */

struct event_job {
    struct fanout *fanout;
    struct bus_message *message;
};

/* An event may be a request; the answer confirms to its service that it was processed. */
static void acknowledge_event_with(struct fanout *fanout, const struct bus_message *message,
                                   const ProtobufCMessage *answer)
{
    if (bus_message_reply_to(message) != NULL)
        wire_publish(fanout->bus, bus_message_reply_to(message), answer);
}

static void acknowledge_event(struct fanout *fanout, const struct bus_message *message)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;

    acknowledge_event_with(fanout, message, &done.base);
}

static void acknowledge_profile(struct fanout *fanout, const struct bus_message *message,
                                uint64_t noted)
{
    Messenger__ProfileNoted answer = MESSENGER__PROFILE_NOTED__INIT;

    answer.revision = noted;
    acknowledge_event_with(fanout, message, &answer.base);
}

/* A user whose account is gone is still known by the tag: the contacts see it go offline. */
static enum status find_user(struct fanout *fanout, const char *tag, struct message_user *user_out)
{
    struct rpc_context context;
    bool is_gone;

    rpc_context_start(&context, FIND_TIMEOUT_MS);
    return user_directory_find_former(fanout->users, &context, tag, user_out, &is_gone);
}

/* False when they have not been notified, and the event must be sent again. */
static bool notify_contacts(struct fanout *fanout, const char *tag,
                            Messenger__Notification *notification)
{
    struct message_contacts contacts;
    struct message_user user;

    if (!tag_is_valid(tag))
        return true;
    enum status status = find_user(fanout, tag, &user);
    if (status == STATUS_OK)
        status = message_store_contacts(fanout->store, user.key, &contacts);
    if (status != STATUS_OK) {
        log_warn("cannot notify the contacts of %s: %s", tag, status_name(status));
        return false;
    }
    log_debug("notifying %zu contacts of %s", contacts.count, tag);
    bus_hold(fanout->bus);
    for (size_t i = 0; i < contacts.count; i++)
        if (relation_they_see_me(&contacts.items[i].relation, fanout->consent))
            notify_user(fanout->bus, contacts.items[i].key, notification);
    bus_release(fanout->bus);
    message_contacts_finish(&contacts);
    return true;
}

static void notify_presence(struct fanout *fanout, const struct bus_message *message, bool online)
{
    Messenger__Notification notification = MESSENGER__NOTIFICATION__INIT;
    Messenger__PresenceChanged *event =
        wire_unpack(&messenger__presence_changed__descriptor, bus_message_data(message),
                    bus_message_length(message));

    if (event == NULL)
        return;
    if (online) {
        notification.body_case = MESSENGER__NOTIFICATION__BODY_CONTACT_ONLINE;
        notification.contact_online = event->tag;
    } else {
        notification.body_case = MESSENGER__NOTIFICATION__BODY_CONTACT_OFFLINE;
        notification.contact_offline = event->tag;
    }
    notification.change = event->change;
    if (notify_contacts(fanout, event->tag, &notification))
        acknowledge_event(fanout, message);
    wire_free(event);
}

/* `self`: the session that the user's own sockets need not be notified of; NULL: none of them. */
static void notify_noted(struct fanout *fanout, const struct message_profile *profile,
                         Messenger__ProfileChange *change, const char *self)
{
    Messenger__Notification notification = MESSENGER__NOTIFICATION__INIT;

    bus_hold(fanout->bus);
    for (size_t i = 0; i < profile->notified_count; i++) {
        bool is_self = strcmp(profile->notified[i].key, profile->user.key) == 0;
        notification.user_seq = profile->notified[i].user_seq;
        if (is_self) {
            notification.body_case = MESSENGER__NOTIFICATION__BODY_SELF_CHANGED;
            notification.self_changed = change;
        } else {
            notification.body_case = MESSENGER__NOTIFICATION__BODY_CONTACT_CHANGED;
            notification.contact_changed = change;
        }
        notification.exclude_session = wire_borrow(is_self && self != NULL ? self : "");
        if (!is_self || self != NULL)
            notify_user(fanout->bus, profile->notified[i].key, &notification);
    }
    bus_release(fanout->bus);
}

enum status fanout_deleted(struct fanout *fanout, const struct message_user *user,
                           uint64_t revision)
{
    Messenger__ProfileChange change = MESSENGER__PROFILE_CHANGE__INIT;
    struct message_profile profile = {
        .user = *user, .consent = fanout->consent, .is_deleted = true, .revision = revision
    };
    char tag[TAG_SIZE];

    enum status status = message_store_note_profile(fanout->store, &profile);
    if (status != STATUS_OK)
        return status;
    account_name_strip(user->tag, tag);
    change.tag = tag;
    change.is_deleted = true;
    notify_noted(fanout, &profile, &change, NULL);
    free(profile.notified);
    return STATUS_OK;
}

/* Recorded durably, then notified, then acknowledged: until then the user service sends it
 * again. */
static void notify_profile(struct fanout *fanout, const struct bus_message *message)
{
    Messenger__UserUpdated *event =
        wire_unpack(&messenger__user_updated__descriptor, bus_message_data(message),
                    bus_message_length(message));
    struct message_profile profile = { .notified = NULL };

    if (event == NULL || event->change == NULL || event->revision > MESSAGE_SEQ_MAX ||
        !tag_is_valid(event->change->tag)) {
        wire_free(event);
        return;
    }
    profile.revision = event->revision;
    profile.consent = fanout->consent;
    enum status status = find_user(fanout, event->change->tag, &profile.user);
    if (status == STATUS_OK)
        status = message_store_note_profile(fanout->store, &profile);
    if (status == STATUS_OK) {
        log_debug("notifying %zu users of revision %llu of %s, of which %llu is noted",
                  profile.notified_count, (unsigned long long)event->revision, event->change->tag,
                  (unsigned long long)profile.noted);
        notify_noted(fanout, &profile, event->change, event->origin);
        acknowledge_profile(fanout, message, profile.noted);
    } else {
        log_warn("the contacts of %s have not been notified yet: %s", event->change->tag,
                 status_name(status));
    }
    free(profile.notified);
    wire_free(event);
}

/* The new account has the tag from now on: no user sees dialogs with a former one any more. */
static void claim_registered(struct fanout *fanout, const struct bus_message *message)
{
    Messenger__UserRegistered *event =
        wire_unpack(&messenger__user_registered__descriptor, bus_message_data(message),
                    bus_message_length(message));
    struct message_user user;

    if (event != NULL && event->user != NULL) {
        enum status status =
            message_store_claim(fanout->store, event->user->tag, event->user->id, &user);
        if (status != STATUS_OK) /* it is claimed when the account is first used */
            log_warn("a new account is not claimed yet: %s", status_name(status));
    }
    wire_free(event);
}

static void run_event(void *arg)
{
    struct event_job *job = arg;
    const char *subject = bus_message_subject(job->message);

    if (strcmp(subject, "event.presence.online") == 0)
        notify_presence(job->fanout, job->message, true);
    else if (strcmp(subject, "event.presence.offline") == 0)
        notify_presence(job->fanout, job->message, false);
    else if (strcmp(subject, "event.user.updated") == 0)
        notify_profile(job->fanout, job->message);
    else if (strcmp(subject, "event.user.registered") == 0)
        claim_registered(job->fanout, job->message);
    bus_message_destroy(&job->message);
    free(job);
}

static void handle_event(void *ctx, struct bus_message *message_take)
{
    struct fanout *fanout = ctx;
    struct event_job *job = xmalloc(sizeof(*job));

    *job = (struct event_job){ fanout, message_take };
    if (!workpool_submit(fanout->pool, run_event, job)) {
        log_warn("dropped %s: too many events are waiting", bus_message_subject(message_take));
        bus_message_destroy(&job->message);
        free(job);
    }
}

enum status fanout_start(struct bus *bus, struct message_store *store, struct user_directory *users,
                         bool consent, struct fanout **fanout_out)
{
    /* One subscription for both ways of presence: it is within one that the order is kept. */
    static const char *const subjects[SUBSCRIPTIONS] = { "event.presence.*", "event.user.updated",
                                                         "event.user.registered" };
    struct workpool_options options = { .name = "fanout", .threads = 1, .queue_max = EVENTS_MAX };
    struct fanout *fanout = xcalloc(1, sizeof(*fanout));
    enum status status = STATUS_OK;

    fanout->bus = bus;
    fanout->store = store;
    fanout->users = users;
    fanout->consent = consent;
    fanout->pool = workpool_create(&options);
    for (int i = 0; i < SUBSCRIPTIONS && status == STATUS_OK; i++)
        status = bus_subscription_open(bus, subjects[i], "message", handle_event, fanout,
                                       &fanout->subscriptions[i]);
    if (status != STATUS_OK)
        fanout_stop(&fanout);
    *fanout_out = fanout;
    return status;
}

void fanout_stop(struct fanout **fanout)
{
    if (*fanout == NULL)
        return;
    for (int i = 0; i < SUBSCRIPTIONS; i++)
        bus_subscription_drain(&(*fanout)->subscriptions[i]);
    workpool_destroy(&(*fanout)->pool);
    free(*fanout);
    *fanout = NULL;
}
