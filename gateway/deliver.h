#ifndef GATEWAY_DELIVER_H
#define GATEWAY_DELIVER_H

#include <stddef.h>

#include "gateway/registry.h"
#include "services/common/bus.h"

/*
 * The way of a notification: notify.<tag> from the bus, once encoded, to every socket of the user
 * but the one that caused it. The gateway is subscribed for exactly the users who have a socket
 * here. A presence change that comes twice, or after a newer one of the same contact, is dropped.
 * Nothing on this way blocks.
 */
struct deliver;

struct deliver *deliver_create(struct bus *bus);

/* Before anybody follows. */
void deliver_set_registry(struct deliver *deliver, struct registry *registry);
void deliver_destroy(struct deliver **deliver);

/* Subscribes for a user; false when the bus refuses. One call at a time, as of registry's turns. */
bool deliver_follow(struct deliver *deliver, const char *key);
void deliver_unfollow(struct deliver *deliver, const char *key);

#endif
