#ifndef MESSAGE_USAGE_H
#define MESSAGE_USAGE_H

#include <stdint.h>

#include "services/common/store/disk_space.h"
#include "services/message/store/message_store.h"

/*
 * How much users store, and who may store more. The totals are in the message store; this process
 * adds to them every USAGE_WRITE_MS, and learns then what other instances have added. So a total is
 * known some seconds after a user's first message, and is late by as much: a quota is exceeded by
 * what its user can send meanwhile (limits.messageKibPerMinute).
 *
 * While the disk has less than `low_disk_bytes` free, users with the largest totals may not store
 * any more, and as it fills those with smaller ones; below a quarter of it, nobody may.
 */
struct usage;

enum {
    USAGE_WRITE_MS = 5000,
    USAGE_LOOK_MS = 1000,     /* at the disk */
    USAGE_USERS_MAX = 100000, /* in memory; further ones are not counted meanwhile */
    USAGE_KEPT_MS = 10 * 60 * 1000,
};
#define USAGE_LOW_DISK_BASE (INT64_C(64) << 20) /* the total that is refused first */

struct usage_options {
    struct message_store *store; /* borrowed */
    const char *url;             /* of the store; copied */
    int64_t quota_bytes;         /* of each user; 0: no limit */
    int64_t low_disk_bytes;      /* 0: the disk is not looked at */
};

enum usage_verdict {
    USAGE_FITS,
    USAGE_OVER_QUOTA,
    USAGE_DISK_LOW, /* temporary */
};

struct usage *usage_start(const struct usage_options *options);

/* Writes what is pending, if the store answers. NULL is allowed. */
void usage_stop(struct usage **usage);

/* Whether a user may store a text of so many bytes. From any thread; never blocks. */
enum usage_verdict usage_judge(struct usage *usage, const char *key, size_t bytes);

/* A text of the user was stored. From any thread; never blocks. */
void usage_note(struct usage *usage, const char *key, size_t bytes);

/* The total that may not grow on such a disk; INT64_MAX: any may. */
int64_t usage_allowance(const struct disk_space *space);

#endif
