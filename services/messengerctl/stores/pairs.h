#ifndef MESSENGERCTL_STORES_PAIRS_H
#define MESSENGERCTL_STORES_PAIRS_H

#include <stddef.h>

#include "services/messengerctl/stores/installation.h"

/* A kind of item that both installations have, and how its list is read in pages. */
struct listing {
    const char *reading; /* its name in error messages */
    size_t item_size;
    /* The items that follow one, or from the first when that is NULL; the caller frees them. */
    enum status (*page)(struct installation *installation, const void *after, size_t max,
                        void **items_out, size_t *count_out);
    /* Their order, as strcmp's. */
    int (*compare)(const void *one, const void *other);
};

extern const struct listing listing_users;     /* struct user */
extern const struct listing listing_images;    /* struct user_image_name */
extern const struct listing listing_revoked;   /* struct revoked_token */
extern const struct listing listing_sessions;  /* struct user_session */
extern const struct listing listing_codes;     /* struct user_code */
extern const struct listing listing_dialogs;   /* struct dialog_record */
extern const struct listing listing_relations; /* struct relation_record */
extern const struct listing listing_privacies; /* struct privacy_record */

/* The items of both installations under one key; NULL where there is none. Borrowed for the
 * call. */
typedef enum status pair_take(void *ctx, const void *one, const void *other);

/* Walks both lists in parallel, in order, with a page of each in memory. Ends with the first status
 * but STATUS_OK of `take`, which prints why; or of a page, which is printed; or with
 * STATUS_DEADLINE_EXCEEDED after pairs_stop.
 */
enum status pairs_walk(const struct listing *listing, struct installation *one,
                       struct installation *other, pair_take *take, void *ctx) MUST_CHECK;

/* Stops the walks at the next pair; may be called from a signal handler. */
void pairs_stop(void);

/* Whether pairs_stop was called; for work that takes long at one pair. */
bool pairs_stopping(void);

#endif
