#ifndef USER_LOGIN_LOGIN_LIMIT_H
#define USER_LOGIN_LOGIN_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "services/user/store/user_data.h"

/*
 * When the next log-in may be tried, by the failures counted so far: decisions only, all times are
 * passed in, in milliseconds of the wall clock.
 *
 * A limit that grows, for one account: `max` failures cost nothing, so that somebody may mistype;
 * then each failure is followed by a wait, of 1 s, 2 s, 4 s … up to 15 minutes. A day without a
 * failure, and they are forgotten.
 *
 * A limit that does not grow, for a network, of which many users may share one address: at most
 * `max` failures; one is forgotten each 1/max of an hour. So a guesser there never locks his
 * neighbours out for longer than that.
 *
 * The wall clock may be wrong. A failure that lies ahead of it by up to the longest wait is waited
 * for no longer than if it were of now; one that lies further ahead is as one of long ago: an
 * instance with a wrong clock must lock nobody out.
 */
struct login_limit {
    int64_t max; /* 0: no limit */
    bool grows;
};

enum {
    LOGIN_LIMIT_WAIT_MIN_MS = 1000,
    LOGIN_LIMIT_WAIT_MAX_MS = 15 * 60 * 1000,
    LOGIN_LIMIT_FORGET_MS = 24 * 60 * 60 * 1000,
    LOGIN_LIMIT_HOUR_MS = 60 * 60 * 1000,
};

/* How long no log-in may be tried; 0: it may. */
int64_t login_limit_wait_ms(const struct login_limit *limit, const struct failed_logins *counter,
                            int64_t now_ms);

/* Counts a failure of now: sets all but key and version. */
void login_limit_add(const struct login_limit *limit, struct failed_logins *counter,
                     int64_t now_ms);

/* Takes back one failure that turned out to be none, and leaves the time of the others. */
void login_limit_take_back(struct failed_logins *counter);

/* The failures that still count. */
int64_t login_limit_failures(const struct login_limit *limit, const struct failed_logins *counter,
                             int64_t now_ms);

#endif
