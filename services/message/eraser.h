#ifndef MESSAGE_ERASER_H
#define MESSAGE_ERASER_H

#include "services/common/bus/bus.h"
#include "services/message/fanout.h"
#include "services/message/store/message_store.h"

/*
 * Erases what deleted accounts have left (message_store_erase), has their contacts notified, and
 * then answers event.user.deleted, which the user service repeats until it is answered: so what a
 * process leaves half done, another one completes. One account at a time, on a thread of its own.
 */
struct eraser;

/* All are borrowed until eraser_stop. `texts`: the setting accounts.eraseMessages. */
enum status eraser_start(struct bus *bus, struct message_store *store, struct fanout *fanout,
                         bool texts, struct eraser **eraser_out) MUST_CHECK;

/* Leaves the rest to the repeated event. NULL is allowed. */
void eraser_stop(struct eraser **eraser);

#endif
