#ifndef GATEWAY_PUSH_DELIVER_H
#define GATEWAY_PUSH_DELIVER_H

#include <stddef.h>

#include "gateway/socket/registry.h"
#include "services/common/bus/bus.h"

/*
 * The way of a notification: notify.<tag> from the bus, through the user's feed (feeds.h), which
 * brings it into order and sees what is missing, once encoded, to every socket of the user but the
 * one that caused it. The gateway is subscribed for exactly the users who have a socket here. A
 * presence change that comes twice, or after a newer one of the same contact, is dropped. Nothing
 * on this way blocks.
 */
struct deliver;

struct deliver *deliver_create(struct bus *bus);

/* Before anybody follows. */
void deliver_set_registry(struct deliver *deliver, struct registry *registry);
void deliver_destroy(struct deliver **deliver);

/* Subscribes for a user; false when the bus refuses. One call at a time, as of registry's turns. */
bool deliver_follow(struct deliver *deliver, const char *key);
void deliver_unfollow(struct deliver *deliver, const char *key);

/* A contact's presence that was asked for, as if the bus had brought it. `again`: even if it was
 * told before, for the user has been given another answer since. */
void deliver_presence(struct deliver *deliver, const char *key, const char *contact_tag,
                      uint64_t change, bool online, bool again);

/* The bus may have dropped notifications, of whomever. */
void deliver_check_all(struct deliver *deliver);

/* feeds_wait_known: before a client reads a state that pushes are to go on from. Blocks. */
enum status deliver_wait_known(struct deliver *deliver, const char *key,
                               int64_t deadline_us) MUST_CHECK;

#endif
