#ifndef GATEWAY_PUSH_DELIVER_H
#define GATEWAY_PUSH_DELIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "event.pb-c.h"
#include "gateway/socket/registry.h"
#include "services/common/bus/bus.h"

/*
 * Delivers notifications: received from the bus as notify.<tag>, ordered by the user's feed
 * (feeds.h), which detects missing ones, encoded once, and sent to every socket of the user except
 * the one that caused the change. The gateway subscribes for exactly the users that have a socket
 * here. A presence change that is a duplicate, or older than one of the same contact that was
 * delivered, is dropped. One with the same state as the last that was delivered shows that the
 * opposite was missed: that is delivered first, so that online and offline alternate. Nothing here
 * blocks unless it says so.
 */
struct deliver;

struct deliver *deliver_create(struct bus *bus);

/* Before the first deliver_follow (asserted there). */
void deliver_set_registry(struct deliver *deliver, struct registry *registry);
void deliver_destroy(struct deliver **deliver);

/* Subscribes to a user's notifications, or ends the subscription; false when the bus refuses. One
 * call at a time, from the registry's turns. */
bool deliver_follow(struct deliver *deliver, const char *key);
void deliver_unfollow(struct deliver *deliver, const char *key);

/* Delivers a contact's presence that was fetched, as if it had been received from the bus.
 * `again`: even if the same state was delivered before, because the user has received another
 * answer since. */
void deliver_presence(struct deliver *deliver, const char *key, const char *contact_tag,
                      uint64_t change, bool online, bool again);

/* Whether a contact is online, as it was read with the number `change`, or as a newer change says
 * that the user's sockets have received: instances of the presence service lag behind each other,
 * and what is read must not contradict what was delivered. */
bool deliver_newest_presence(struct deliver *deliver, const char *key, const char *contact_tag,
                             uint64_t change, bool online);

/* `changed`, which must not block, is called for each notification that what a user may see of
 * another one has changed; the state is fetched then, and given to the two functions below. Before
 * the first deliver_follow. */
typedef void deliver_visibility_changed(void *ctx, const char *key,
                                        const Messenger__VisibilityChange *change);
void deliver_on_visibility(struct deliver *deliver, deliver_visibility_changed *changed, void *ctx);

/* The presence of a user, as it is, is to be shown or hidden from now on: delivers online or
 * offline if it is online. Older events of a user that is hidden are dropped. */
void deliver_visibility(struct deliver *deliver, const char *key, const char *contact_tag,
                        uint64_t change, bool online, bool is_visible);

/* Delivers all of a contact's profile. */
void deliver_profile(struct deliver *deliver, const char *key, const Messenger__User *user);

/* The bus may have dropped notifications of any user: checks all feeds. */
void deliver_check_all(struct deliver *deliver);

/* feeds_wait_known: before a client reads a state that later notifications continue. Blocks. */
enum status deliver_wait_known(struct deliver *deliver, const char *key,
                               int64_t deadline_us) MUST_CHECK;

#endif
