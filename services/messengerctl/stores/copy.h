#ifndef MESSENGERCTL_STORES_COPY_H
#define MESSENGERCTL_STORES_COPY_H

#include "services/messengerctl/stores/installation.h"
#include "services/messengerctl/stores/progress.h"

/*
 * Copies an installation to another one that is empty or has a part of the same data, from an
 * earlier copy. Existing data is skipped; names, pictures and read marks that have changed since
 * are updated. Nothing else in the target is changed: data that conflicts with the source, or is
 * not in it, ends the copy with STATUS_CONFLICT.
 *
 * The target is the only record of the progress. Users are copied first, then the pictures, so that
 * each user's picture is included; of each dialog the messages, then the dialog.
 */
struct copy {
    struct installation *from, *to;
    struct progress progress;
    uint64_t users, changed_users, images, revoked, sessions, dialogs,
        messages; /* copied by this run */
};

/* Prints all failures, and the numbers of copied items. */
enum status copy_run(struct installation *from, struct installation *to) MUST_CHECK;

/* The part of it that concerns messages and dialogs. */
enum status copy_dialogs(struct copy *copy) MUST_CHECK;

#endif
