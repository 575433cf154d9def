#ifndef MESSENGERCTL_COPY_H
#define MESSENGERCTL_COPY_H

#include "services/messengerctl/installation.h"
#include "services/messengerctl/progress.h"

/*
 * Brings everything of one installation into another that is empty, or holds a part of the same:
 * what an earlier copy brought. What is there already is passed over; names, pictures and read
 * marks that have changed since are brought up to date. Nothing else in the target is changed: what
 * contradicts, or is not in the source, ends the copy with STATUS_CONFLICT.
 *
 * There is no note of how far a copy has come but the target itself. Users come first, then the
 * pictures, so that each user's picture is among them; of each dialog the messages, then itself.
 */
struct copy {
    struct installation *from, *to;
    struct progress progress;
    uint64_t users, changed_users, images, revoked, dialogs, messages; /* brought by this copy */
};

/* All failures are printed; what was brought as well. */
enum status copy_run(struct installation *from, struct installation *to) MUST_CHECK;

/* The part of it that concerns messages and dialogs. */
enum status copy_dialogs(struct copy *copy) MUST_CHECK;

#endif
