#ifndef PRESENCE_PRESENCE_ANNOUNCER_H
#define PRESENCE_PRESENCE_ANNOUNCER_H

#include <stdbool.h>

#include "services/common/bus/bus.h"
#include "services/presence/presence_table.h"

/*
 * Publishes changes of presence: event.presence.online and .offline, as requests. A change counts
 * as announced when the message service replies that the contacts have been notified. One thread,
 * many requests in flight, of each user at most one. From any thread.
 */
struct presence_announcer;

struct presence_announcer_options {
    struct bus *bus;
    /* The contacts have been notified of the event `sent` of this entry, which is the one passed,
     * at `revision`. False: that could not be noted, because the bucket does not answer; then the
     * announcer discards all it has. On the announcer's thread. */
    bool (*notified)(void *ctx, const char *key, struct presence_entry *entry, uint64_t revision);
    void *ctx;
};

struct presence_announcer *presence_announcer_create(
    const struct presence_announcer_options *options);

/* Waits for the requests in flight, at most 2 s; discards the pending changes. */
void presence_announcer_destroy(struct presence_announcer **announcer);

/* Owns the entry. Without effect while an event of the same user is pending. An event that is not
 * acknowledged in time, or exceeds the queue of 65,536, is discarded: it stays marked in the
 * bucket, and presence_sweep adds it again. */
void presence_announcer_add(struct presence_announcer *announcer, const char *key,
                            struct presence_entry *entry_take, uint64_t revision);

#endif
