#ifndef MESSAGE_FANOUT_H
#define MESSAGE_FANOUT_H

#include "services/common/bus/bus.h"
#include "services/message/store/message_store.h"
#include "services/message/user_directory.h"

/*
 * Notifies users: the only place that publishes notify.<tag>. It also subscribes to
 * event.presence.online, .offline and event.user.updated and notifies the contacts, and to
 * event.user.registered, to claim the new account in the store. A notification
 * for a user without a socket costs one publish, which NATS drops.
 */
struct fanout;

/* All are borrowed until fanout_stop. `consent`: the setting contacts.consent. */
enum status fanout_start(struct bus *bus, struct message_store *store, struct user_directory *users,
                         bool consent, struct fanout **fanout_out) MUST_CHECK;
void fanout_stop(struct fanout **fanout);

/* The functions below may be called from any thread. `origin` is the session that caused it, and
 * gets no notification. */

/* A message was stored: newMessage unless it is withheld, messageSent, event.message.sent. When it
 * is the first answer, the two may be contacts now: then what they see of each other is fetched. */
void fanout_message(struct fanout *fanout, const struct message_send *send, const char *origin);

/* Messages were newly read: messageWasRead if the sender may see it, dialogWasRead,
 * event.message.read. */
void fanout_read(struct fanout *fanout, const struct message_mark *mark, const char *origin);

/* The owner has decided about the peer. `before` and `after`: its relation to the peer. */
void fanout_relation(struct fanout *fanout, const struct relation_change *change,
                     const struct relation *before, const struct relation *after,
                     const char *origin);

/* The user shows something else to others. Blocks; a failure is logged. */
void fanout_privacy(struct fanout *fanout, const struct message_user *user, struct privacy before,
                    struct privacy privacy, const char *origin);

/* The account is gone: notifies all users with a dialog with it, once for each revision of its
 * profile. STATUS_OK once that is recorded durably. Blocks. */
enum status fanout_deleted(struct fanout *fanout, const struct message_user *user,
                           uint64_t revision) MUST_CHECK;

#endif
