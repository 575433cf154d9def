#ifndef USER_ANNOUNCER_H
#define USER_ANNOUNCER_H

#include "services/common/bus/bus.h"
#include "services/user/store/user_store.h"

/*
 * Tells of changed profiles, each at least once, even if the process that made the change dies
 * right after. What is unannounced stands in the store; a thread sends it as event.user.updated, a
 * request that the message service answers once it is noted there, and then takes the mark off.
 * What is not answered is sent again, after a pause that grows to 5 s.
 *
 * It looks when it is kicked, and every 5 s for what others have left. Several at once may send
 * the same: whoever is told knows an old revision.
 */
struct announcer;

struct announcer *announcer_start(struct bus *bus, struct user_store *store);

/* There is something to announce. Never blocks; from any thread. */
void announcer_kick(struct announcer *announcer);

/* Sends what it was kicked for. Takes no longer than 2 s, and as long as the store does; what is
 * not answered then, others send. */
void announcer_stop(struct announcer **announcer);

#endif
