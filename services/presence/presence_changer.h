#ifndef PRESENCE_PRESENCE_CHANGER_H
#define PRESENCE_PRESENCE_CHANGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/status.h"
#include "services/presence/presence_announcer.h"
#include "services/presence/presence_bucket.h"
#include "services/presence/presence_table.h"

/*
 * Writes changes of presence to the bucket, by compare-and-swap, many in parallel, and passes those
 * that turned a user online or offline to the announcer.
 */
struct presence_changer;

struct presence_changer_options { /* all borrowed */
    struct presence_bucket *bucket;
    struct presence_table *table; /* its replica */
    struct presence_announcer *announcer;
};

struct presence_changer *presence_changer_create(const struct presence_changer_options *options);
void presence_changer_destroy(struct presence_changer **changer);

/*
 * These users, each at most once, are at that gateway, or are not. Invalid tags are skipped.
 * STATUS_UNAVAILABLE: not all were changed, or the bucket is not open. Idempotent. Nothing is begun
 * after a change that failed, or after `deadline_us` (clock_mono_us), when the gateway has given
 * the report up and may send a newer one; so it returns within BUS_KV_REQUEST_MS times two of
 * either.
 */
enum status presence_changer_set(struct presence_changer *changer, const char *gateway_id,
                                 char *const *tags, size_t count, bool online,
                                 int64_t deadline_us) MUST_CHECK;

#endif
