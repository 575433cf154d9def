#include "services/common/base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static _Atomic int64_t test_offset_ms;
static _Atomic bool test_stopped;
static struct timespec stopped_wall, stopped_mono;

static int64_t read_us(clockid_t id)
{
    struct timespec now = id == CLOCK_REALTIME ? stopped_wall : stopped_mono;
    if (!test_stopped)
        clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000 + test_offset_ms;
}

int64_t clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC) + test_offset_ms * 1000;
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

struct timespec clock_after_ms(int64_t ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

struct timespec clock_at_us(int64_t mono_us)
{
    return (struct timespec){ .tv_sec = (time_t)(mono_us / 1000000),
                              .tv_nsec = (long)(mono_us % 1000000) * 1000 };
}

void clock_advance_for_test(int64_t ms)
{
    test_offset_ms += ms;
}

void clock_stop_for_test(void)
{
    clock_gettime(CLOCK_REALTIME, &stopped_wall);
    clock_gettime(CLOCK_MONOTONIC, &stopped_mono);
    test_stopped = true;
}

int64_t clock_s_to_ms(int64_t seconds)
{
    if (seconds > INT64_MAX / 1000)
        return INT64_MAX;
    return seconds < INT64_MIN / 1000 ? INT64_MIN : seconds * 1000;
}
