#ifndef PRESENCE_PRESENCE_ANNOUNCER_H
#define PRESENCE_PRESENCE_ANNOUNCER_H

#include <stdbool.h>

#include "services/common/bus/bus.h"
#include "services/presence/presence_table.h"

/*
 * Tells changes of presence: event.presence.online and .offline go out as requests, and count as
 * told when the message service answers that the contacts have been. One thread, many requests at a
 * time. From any thread.
 */
struct presence_announcer;

struct presence_announcer_options {
    struct bus *bus;
    /* The contacts have been told of this change; `entry` is as it was given, at `revision`. On the
     * announcer's thread. */
    void (*notified)(void *ctx, const char *key, struct presence_entry *entry, uint64_t revision);
    void *ctx;
};

struct presence_announcer *presence_announcer_create(
    const struct presence_announcer_options *options);

/* Ends what is under way, 2 s at most; forgets the rest. */
void presence_announcer_destroy(struct presence_announcer **announcer);

/* Takes the entry over. What is not told in time, or too much at once, is forgotten: it stays
 * marked in the bucket, and whoever finds it adds it again. */
void presence_announcer_add(struct presence_announcer *announcer, const char *key,
                            struct presence_entry *entry_take, uint64_t revision);

#endif
