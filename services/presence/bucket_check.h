#ifndef PRESENCE_BUCKET_CHECK_H
#define PRESENCE_BUCKET_CHECK_H

#include "services/common/base/status.h"
#include "services/common/bus/bus_kv.h"
#include "services/presence/presence_table.h"

/*
 * Whether the bucket on the server is still what the replica reflects. NATS does not notify of a
 * bucket that was deleted, replaced or purged, nor of a server that has lost its memory: each look
 * is compared with the replica and with the look before. Not thread-safe.
 */
struct bucket_check {
    struct bus_kv_state before; /* the last look; at first the bucket as it was opened */
    unsigned unanswered;        /* looks in a row */
};

enum {
    BUCKET_CHECK_MS = 1000,      /* between two looks */
    BUCKET_CHECK_UNANSWERED = 3, /* looks in a row: it is lost, or as good as */
};

/* `opened`: the bucket's state before the replica has read it. */
void bucket_check_begin(struct bucket_check *check, const struct bus_kv_state *opened);

/*
 * A look with its status and, if that is STATUS_OK, its state; and the replica, as it was after the
 * look, `seen` being the newest revision that its watch has reported. NULL: it is the same bucket.
 * Else why not, in a few words: the replica must be built again.
 */
const char *bucket_check_look(struct bucket_check *check, enum status status,
                              const struct bus_kv_state *state,
                              const struct presence_extent *replica, uint64_t seen);

#endif
