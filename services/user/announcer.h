#ifndef USER_ANNOUNCER_H
#define USER_ANNOUNCER_H

#include "services/common/bus/bus.h"
#include "services/user/store/user_store.h"

/*
 * Announces changed profiles, each at least once, even if the process that made the change dies
 * right after. The store marks profiles as unannounced; a thread sends each as event.user.updated,
 * a request that the message service answers once it has recorded the change, and then clears the
 * mark. A request without a reply is retried, after a pause that grows to 5 s.
 *
 * A deleted account is a mark, too: what refers to it in the user store is deleted, and
 * event.user.deleted is sent, which the message service answers once it has erased what the account
 * has left; both once more a minute later.
 *
 * It looks for marks when it is kicked, and every 5 s for those of other instances. Several
 * instances may announce the same revision; receivers ignore a repeated one.
 */
struct announcer;

struct announcer *announcer_start(struct bus *bus, struct user_store *store);

/* A profile has been marked. Never blocks; from any thread. */
void announcer_kick(struct announcer *announcer);

/* Announces the marked profiles, for at most 2 s besides the time of the store; other instances
 * announce the rest. */
void announcer_stop(struct announcer **announcer);

#endif
