#ifndef USER_AUDIT_AUDIT_LOG_H
#define USER_AUDIT_AUDIT_LOG_H

#include "services/user/audit/audit_kinds.h"
#include "services/user/store/user_store.h"

/*
 * Records what concerns the security of accounts. A caller never waits: events are kept in memory,
 * and a thread writes them to the store, many with one write. Nothing secret may be given to it: no
 * password, code or token, and no name that no account has, since people type passwords there.
 *
 * An attacker can cause events at any rate, so what is recorded is bounded in each minute, in each
 * process:
 *
 * - events that differ in time only are one entry, with their count and their last time; of
 * failures also those that differ in the device, which the client chooses;
 * - AUDIT_LOG_UNKNOWN_MAX entries of failures without an account, AUDIT_LOG_FAILURES_MAX with one,
 *   and AUDIT_LOG_ACCOUNT_MAX of one account (its failures apart from what its owner does). Further
 *   events are counted in entries without address, device and subject (which is AUDIT_LOG_MANY); of
 *   failures, beyond those of one account, also without account;
 * - AUDIT_LOG_PENDING_MAX entries in all. Further ones are dropped, and counted in an entry of
 *   AUDIT_ENTRIES_DROPPED. It takes as many, while the store does not answer.
 *
 * In the store, failures fill at most two fifths of `max_entries`, users' own entries two fifths,
 * and the administrator's one: the oldest of each share are deleted, after AUDIT_LOG_PRUNE_EVERY
 * new ones at the latest.
 */
struct audit_log;

enum {
    AUDIT_LOG_MINUTE_MS = 60 * 1000,
    AUDIT_LOG_UNKNOWN_MAX = 100,
    AUDIT_LOG_FAILURES_MAX = 400,
    AUDIT_LOG_ACCOUNT_MAX = 30,
    AUDIT_LOG_PENDING_MAX = 8192,
    AUDIT_LOG_WRITE_MS = 200,    /* until a new entry is written */
    AUDIT_LOG_REPEAT_MS = 2000,  /* until the count of one that was repeated is */
    AUDIT_LOG_PRUNE_EVERY = 200, /* new entries */
};
#define AUDIT_LOG_MANY "many"

struct audit_log_options {
    struct user_store *store; /* borrowed */
    int64_t keep_days;        /* 0: nothing is recorded, and what is stored is deleted */
    int64_t max_entries;
};

struct audit_log *audit_log_start(const struct audit_log_options *options);

/* Writes what is pending, if the store answers, and frees. NULL is allowed. */
void audit_log_stop(struct audit_log **log);

/* All pointers are borrowed, and may be NULL: unknown, or none. */
struct audit_event {
    enum audit_kind kind;
    enum audit_outcome outcome;
    enum audit_actor by;
    const struct user *user; /* whom it concerns; its id and tag are used */
    const char *address;     /* of the client, or its network: for failures the network, or one who
                                has a /64 would cause as many entries as it has addresses */
    const char *device;      /* UTF-8 without control characters */
    const char *subject;     /* the id of a session or an invite */
};

/* Records an event of now. Does not block, from any thread. A failure takes the same time with an
 * account and without. */
void audit_log_note(struct audit_log *log, const struct audit_event *event);

#endif
