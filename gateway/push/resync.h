#ifndef GATEWAY_PUSH_RESYNC_H
#define GATEWAY_PUSH_RESYNC_H

/*
 * When the bus was away, or has dropped something, facts may have gone by that have no place in
 * anybody's sequence (which feeds.h looks after): contacts who came or went, tokens that were
 * revoked. They are asked for, user by user, and told if they were not. One thread; what cannot be
 * asked now is asked again until it can.
 */
struct catch_up;
struct gateway;

enum { CATCH_UP_TIMEOUT_MS = 2000 }; /* of each call */

/* `gateway` is borrowed until catch_up_destroy. */
struct catch_up *catch_up_create(struct gateway *gateway);

/* Waits for the call that is under way: CATCH_UP_TIMEOUT_MS at most, since `stopping` of the
 * gateway was set. */
void catch_up_destroy(struct catch_up **catch_up);

/* From any thread; does not block. */
void catch_up_begin(struct catch_up *catch_up);

/* A user was given an answer in which nobody is online, for nobody knew: those who are will be told
 * as soon as it is known. Likewise. */
void catch_up_presence(struct catch_up *catch_up, const char *key);

#endif
