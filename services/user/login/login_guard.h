#ifndef USER_LOGIN_LOGIN_GUARD_H
#define USER_LOGIN_LOGIN_GUARD_H

#include <stddef.h>
#include <stdint.h>

#include "services/common/base/id.h"
#include "services/common/base/status.h"
#include "services/user/login/client_network.h"
#include "services/user/store/user_store.h"

/*
 * Slows down the guessing of passwords. Failed log-ins are counted in the user store, so for all
 * instances and gateways together, and across restarts:
 *
 * - for each e-mail, whether an account has it or not, from all networks in which the account has
 *   not logged in before: nothing is learned about which e-mails exist;
 * - for each network (client_network.h), and for an IPv6 site with LOGIN_GUARD_SITE_FACTOR times
 *   the limit, over all accounts;
 * - for each account and network in which it has logged in before, apart from all these, so that
 *   failures elsewhere, and of others in that network, do not delay its owner there.
 *
 * login_limit.h has the limits. A refused log-in is not counted and costs no hash; a right password
 * is refused, too, or guessing would not be slowed. A log-in that nothing is counted against writes
 * nothing, except that its network is recorded, once a day.
 *
 * A guess is counted before its password is verified, and taken back if it was right, once there is
 * a counter; before that, of an e-mail only one log-in is verified at a time in each instance. So
 * however many arrive at once, no more than `max`, and one for each further instance, are verified
 * before the first wait. If the store fails, so does the log-in.
 *
 * At most LOGIN_GUARD_COUNTERS_MAX counters are kept, and some hundred more for a moment; those
 * with the fewest failures are discarded first. From any thread.
 */
struct login_guard;

enum {
    LOGIN_GUARD_SITE_FACTOR = 8,
    LOGIN_GUARD_COUNTERS_MAX = 100000,
};

struct login_guard_options {
    struct user_store *store;              /* borrowed */
    int64_t per_account, per_network_hour; /* 0: no limit */
};

struct login_guard *login_guard_create(const struct login_guard_options *options);
void login_guard_destroy(struct login_guard **guard);

/* A log-in that is being verified. Its fields are the guard's. */
struct login_attempt {
    struct id account; /* zeroed: there is none */
    struct client_network network;
    bool is_known;         /* the account has logged in from the network before */
    bool is_counted;       /* as a failure, before it was verified */
    int64_t login_at_ms;   /* when it was recorded; 0: not yet */
    struct id key;         /* of the counter of the e-mail, or of account and network */
    char turn[ID_HEX + 1]; /* the same in hex digits; "": no turn is held */
};

/*
 * Asks whether a log-in may be verified; waits for others of the same e-mail in this process, until
 * `deadline_us` of clock_mono_us (STATUS_DEADLINE_EXCEEDED). `email` is in the form in which
 * accounts are found; or as typed, when it is no e-mail. `account` is NULL when nobody has it.
 * STATUS_OK: verify it and call login_guard_pass or login_guard_fail. STATUS_LIMITED: not before
 * `*retry_after_ms_out`. Any other status: the store failed.
 */
enum status login_guard_begin(struct login_guard *guard, const char *email,
                              const struct id *account, const struct client_network *network,
                              int64_t deadline_us, struct login_attempt *attempt_out,
                              int64_t *retry_after_ms_out) MUST_CHECK;

/* The password was right. A failure of the store is logged only: the log-in is good. */
void login_guard_pass(struct login_guard *guard, struct login_attempt *attempt);

/* It was wrong. Unless STATUS_OK is returned it could not be counted, and must not be answered as a
 * wrong password. */
enum status login_guard_fail(struct login_guard *guard, struct login_attempt *attempt) MUST_CHECK;

/* Records that the account has logged in from this network: by its sign-up. */
void login_guard_note(struct login_guard *guard, const struct id *account,
                      const struct client_network *network);

#endif
