#include "services/messengerctl/stores/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/messengerctl/console.h"

enum { BAR_WIDTH = 24, DRAW_EVERY_MS = 100, LINE_EVERY_MS = 5000, MEASURE_EVERY_MS = 500 };

/* How much a new measurement counts against those before. */
static const double NEW_SHARE = 0.2;

void progress_begin(struct progress *progress, uint64_t total)
{
    int64_t now = clock_mono_ms();

    *progress = (struct progress){ .total = total, .drawn_ms = now, .measured_ms = now };
}

static void measure_rate(struct progress *progress, int64_t now)
{
    int64_t passed_ms = now - progress->measured_ms;

    if (passed_ms < MEASURE_EVERY_MS)
        return;
    double rate = (double)(progress->done - progress->measured_done) * 1000.0 / (double)passed_ms;
    progress->rate =
        progress->rate > 0 ? progress->rate * (1 - NEW_SHARE) + rate * NEW_SHARE : rate;
    progress->measured_ms = now;
    progress->measured_done = progress->done;
}

/* "1234/s, 0:05 left", or "" while nothing is known. */
static void print_pace(const struct progress *progress, char *out, size_t size)
{
    uint64_t left = progress->total > progress->done ? progress->total - progress->done : 0;

    *out = '\0';
    if (progress->rate < 1)
        return;
    uint64_t seconds = (uint64_t)((double)left / progress->rate) + 1;
    snprintf(out, size, ", %.0f/s, %" PRIu64 ":%02u left", progress->rate, seconds / 60,
             (unsigned)(seconds % 60));
}

static void draw_progress(const struct progress *progress)
{
    uint64_t done = progress->done < progress->total ? progress->done : progress->total;
    unsigned percent = progress->total > 0 ? (unsigned)(done * 100 / progress->total) : 100;
    char bar[BAR_WIDTH + 1], pace[64], text[256];
    size_t filled = percent * BAR_WIDTH / 100;

    memset(bar, '#', filled);
    memset(bar + filled, '.', BAR_WIDTH - filled);
    bar[BAR_WIDTH] = '\0';
    print_pace(progress, pace, sizeof(pace));
    snprintf(text, sizeof(text), "[%s] %3u %%, %" PRIu64 " of %" PRIu64 "%s", bar, percent,
             progress->done, progress->total, pace);
    if (console_is_terminal())
        console_bar(text);
    else
        console_line("%s", text + BAR_WIDTH + 3); /* without the bar */
}

void progress_add(struct progress *progress, uint64_t count)
{
    int64_t now = clock_mono_ms();

    progress->done += count;
    measure_rate(progress, now);
    if (now - progress->drawn_ms < (console_is_terminal() ? DRAW_EVERY_MS : LINE_EVERY_MS))
        return;
    progress->drawn_ms = now;
    draw_progress(progress);
}

void progress_end(struct progress *progress)
{
    if (console_is_terminal())
        draw_progress(progress);
    console_bar("");
}
