#ifndef GATEWAY_SOCKET_REGISTRY_H
#define GATEWAY_SOCKET_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/socket/session.h"

/*
 * All sockets of this gateway, by user. Lock order: registry, then session. No lock is held while a
 * callback runs, except `turn` (below), which no path of delivery takes.
 */
struct registry;

struct registry_options {
    size_t sessions_max;
    size_t per_user_max;
    size_t per_address_max; /* 0: no limit */
    /*
     * The user's first session at this gateway was added, or the last one removed. Called for one
     * user at a time, in the order of the events. False for a first session refuses it.
     */
    bool (*turn)(void *ctx, const char *key, const char *tag, bool online);
    void *ctx;
};

struct registry *registry_create(const struct registry_options *options);

/* Sessions that have not been removed by then, because shutdown timed out, are not freed. */
void registry_destroy(struct registry **registry);

enum registry_result {
    REGISTRY_OK,
    REGISTRY_FULL,
    REGISTRY_USER_FULL,
    REGISTRY_ADDRESS_FULL,
    REGISTRY_REFUSED
};

/* Of the places, only users who have no socket here yet may take the last: a quarter, in steps of
 * REGISTRY_RESERVE_STEP. So a few users with many sockets never shut others out. */
enum { REGISTRY_RESERVE_STEP = 16 };
size_t registry_reserve(size_t sessions_max);

/* Adds a reference of its own. `address` is what the places of an address are counted by; copied;
 * "": not counted. */
enum registry_result registry_add(struct registry *registry, struct session *session,
                                  const char *address);
void registry_remove(struct registry *registry, struct session *session);

/* The session with this token, with a reference; NULL when it has been removed. */
struct session *registry_find(struct registry *registry, uint64_t token);

/* A user's sessions, each with a reference; the caller ends with registry_list_finish. */
struct registry_list {
    struct session **items;
    size_t count;
};
struct registry_list registry_of_user(struct registry *registry, const char *key);
struct registry_list registry_all(struct registry *registry);
void registry_list_finish(struct registry_list *list);

bool registry_is_online(struct registry *registry, const char *key);

/* The tags of all users that have a session here; the caller frees each string and the array. */
char **registry_tags(struct registry *registry, size_t *count_out);

size_t registry_count(struct registry *registry);

#endif
