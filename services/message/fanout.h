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

/* All are borrowed until fanout_stop. */
enum status fanout_start(struct bus *bus, struct message_store *store, struct user_directory *users,
                         struct fanout **fanout_out) MUST_CHECK;
void fanout_stop(struct fanout **fanout);

/* A message was stored: newMessage, messageSent, event.message.sent. `origin` is the session that
 * sent it. From any thread. */
void fanout_message(struct bus *bus, const struct message_send *send, const char *origin);

/* Messages were newly read: messageWasRead, dialogWasRead, event.message.read. */
void fanout_read(struct bus *bus, const struct message_mark *mark, const char *origin);

#endif
