#ifndef MESSENGERCTL_PAIRS_H
#define MESSENGERCTL_PAIRS_H

#include <stddef.h>

#include "services/messengerctl/installation.h"

/* A kind of thing that both installations have, and how its list is read in pages. */
struct listing {
    const char *reading; /* what it is called when that fails */
    size_t item_size;
    /* The items that come after one, or from the first when that is NULL; the caller frees them. */
    enum status (*page)(struct installation *installation, const void *after, size_t max,
                        void **items_out, size_t *count_out);
    /* Their order, as strcmp's. */
    int (*compare)(const void *one, const void *other);
};

extern const struct listing listing_users;   /* struct user */
extern const struct listing listing_images;  /* struct user_image_name */
extern const struct listing listing_revoked; /* struct revoked_token */
extern const struct listing listing_dialogs; /* struct dialog_record */

/* What one has under a key, and the other; NULL where there is none. Borrowed for the call. */
typedef enum status pair_take(void *ctx, const void *one, const void *other);

/*
 * Goes through both lists side by side, in their order, with a page of each in memory. Ends with
 * the first status but STATUS_OK of `take`, which has said why; or of a page, which is printed; or
 * with STATUS_DEADLINE_EXCEEDED when the process was asked to stop.
 */
enum status pairs_walk(const struct listing *listing, struct installation *one,
                       struct installation *other, pair_take *take, void *ctx) MUST_CHECK;

/* Asks the walks to stop at the next pair; may be called by a signal's handler. */
void pairs_stop(void);

/* Whether it was asked to; for what takes long at one pair. */
bool pairs_stopping(void);

#endif
