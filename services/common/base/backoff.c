#include "services/common/base/backoff.h"

#include "services/common/base/clock.h"
#include "services/common/base/id.h"

int64_t backoff_jittered(int64_t ms)
{
    uint16_t random;

    id_random_bytes(&random, sizeof(random));
    return ms / 2 + ms * random / UINT16_MAX;
}

int64_t backoff_on_grid(int64_t ms, int64_t grid_ms)
{
    int64_t now = clock_mono_ms(), due = now + backoff_jittered(ms);

    return due + (grid_ms - due % grid_ms) - now;
}

int64_t backoff_pause(unsigned failures, int64_t min_ms, int64_t max_ms)
{
    int64_t ms = min_ms;

    while (failures-- > 1 && ms < max_ms)
        ms *= 2;
    ms = backoff_jittered(ms < max_ms ? ms : max_ms);
    return ms < max_ms ? ms : max_ms;
}
