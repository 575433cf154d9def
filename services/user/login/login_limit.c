#include "services/user/login/login_limit.h"

enum { DOUBLINGS_MAX = 20 };

/* How long one failure of a limit that does not grow is remembered behind the others. */
static int64_t forget_each_ms(const struct login_limit *limit)
{
    int64_t each_ms = limit->max > 0 ? LOGIN_LIMIT_HOUR_MS / limit->max : LOGIN_LIMIT_HOUR_MS;

    return each_ms > 0 ? each_ms : 1;
}

/* How long ago the last failure was, whatever the clocks of the instances say. */
static int64_t age_ms(const struct failed_logins *counter, int64_t now_ms)
{
    int64_t age = now_ms - counter->at_ms;

    if (age >= 0)
        return age;
    return age >= -LOGIN_LIMIT_WAIT_MAX_MS ? 0 : LOGIN_LIMIT_WAIT_MAX_MS;
}

int64_t login_limit_failures(const struct login_limit *limit, const struct failed_logins *counter,
                             int64_t now_ms)
{
    int64_t age = age_ms(counter, now_ms), left = counter->failures;

    if (limit->grows)
        left = age < LOGIN_LIMIT_FORGET_MS ? left : 0;
    else
        left -= age / forget_each_ms(limit);
    return left > 0 ? left : 0;
}

static int64_t growing_wait_ms(int64_t beyond)
{
    int64_t wait_ms = (int64_t)LOGIN_LIMIT_WAIT_MIN_MS
                      << (beyond < DOUBLINGS_MAX ? beyond : DOUBLINGS_MAX);

    return wait_ms < LOGIN_LIMIT_WAIT_MAX_MS ? wait_ms : LOGIN_LIMIT_WAIT_MAX_MS;
}

int64_t login_limit_wait_ms(const struct login_limit *limit, const struct failed_logins *counter,
                            int64_t now_ms)
{
    int64_t failures = login_limit_failures(limit, counter, now_ms);
    int64_t age = age_ms(counter, now_ms);

    if (limit->max == 0 || failures < limit->max)
        return 0;
    if (!limit->grows)
        return forget_each_ms(limit) - age % forget_each_ms(limit);
    int64_t wait_ms = growing_wait_ms(failures - limit->max) - age;
    return wait_ms > 0 ? wait_ms : 0;
}

void login_limit_add(const struct login_limit *limit, struct failed_logins *counter, int64_t now_ms)
{
    int64_t failures = login_limit_failures(limit, counter, now_ms);
    int64_t each_ms = forget_each_ms(limit), age = age_ms(counter, now_ms);

    counter->failures = failures + 1;
    counter->at_ms = now_ms;
    if (limit->grows) {
        counter->expires_ms = now_ms + LOGIN_LIMIT_FORGET_MS;
        return;
    }
    if (failures > 0) /* what has passed towards the next one that is forgotten remains */
        counter->at_ms -= age % each_ms;
    counter->expires_ms = counter->at_ms + counter->failures * each_ms;
}

void login_limit_take_back(struct failed_logins *counter)
{
    if (counter->failures > 0)
        counter->failures--;
}
