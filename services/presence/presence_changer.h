#ifndef PRESENCE_PRESENCE_CHANGER_H
#define PRESENCE_PRESENCE_CHANGER_H

#include <stdbool.h>
#include <stddef.h>

#include "services/common/base/status.h"
#include "services/presence/presence_announcer.h"
#include "services/presence/presence_bucket.h"
#include "services/presence/presence_table.h"

/*
 * Brings the coming and going of users into the bucket, by compare-and-swap, many of them side by
 * side, and gives what turned a user online or offline to the announcer.
 */
struct presence_changer;

struct presence_changer_options { /* all borrowed */
    struct presence_bucket *bucket;
    struct presence_table *table; /* its replica */
    struct presence_announcer *announcer;
};

struct presence_changer *presence_changer_create(const struct presence_changer_options *options);
void presence_changer_destroy(struct presence_changer **changer);

/* These users, each once, are at that gateway, or are not. What is no tag is left out. `kv` is
 * borrowed from the bucket. STATUS_UNAVAILABLE: not all; to repeat it does no harm. */
enum status presence_changer_set(struct presence_changer *changer, struct bus_kv *kv,
                                 const char *gateway_id, char *const *tags, size_t count,
                                 bool online) MUST_CHECK;

#endif
