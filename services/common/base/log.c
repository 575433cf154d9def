#include "services/common/base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "services/common/base/clock.h"

enum { LINE_BYTES = 2048, SITES = 256, LINES_PER_WINDOW = 50, WINDOW_MS = 10000, TRACE_BYTES = 33 };

static const char *program_name = "-";
static enum log_level min_level = LOG_LEVEL_INFO;
static _Thread_local char trace[TRACE_BYTES];
static const char *const level_names[] = { "debug", "info", "warn", "error" };

/* Lines written by each call site, identified by the address of the format. Guarded by the lock. */
static struct site {
    const char *format;
    int64_t window_start;
    unsigned lines, dropped;
} sites[SITES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void log_init(const char *program, enum log_level min)
{
    program_name = program;
    min_level = min;
}

bool log_level_from_name(const char *name, enum log_level *level_out)
{
    for (int i = LOG_LEVEL_DEBUG; i <= LOG_LEVEL_ERROR; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level_out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

void log_set_trace(const char *trace_id)
{
    snprintf(trace, sizeof(trace), "%s", trace_id != NULL ? trace_id : "");
}

/* False when this site has used its budget; `*dropped_out` is the number of lines dropped before
 * this one. Lock held. */
static bool admit_locked(const char *format, unsigned *dropped_out)
{
    struct site *site = &sites[((uintptr_t)format >> 3) % SITES];
    int64_t now = clock_mono_ms();

    *dropped_out = 0;
    if (site->format != format || now - site->window_start >= WINDOW_MS) {
        *dropped_out = site->format == format ? site->dropped : 0;
        *site = (struct site){ .format = format, .window_start = now };
    }
    if (site->lines >= LINES_PER_WINDOW) {
        site->dropped++;
        return false;
    }
    site->lines++;
    return true;
}

static size_t escape_text(char *out, size_t size, const char *in)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;

    for (; *in != '\0' && n + 5 < size; in++) {
        unsigned char c = (unsigned char)*in;
        if (c >= 0x20 && c != 0x7f) {
            out[n++] = (char)c;
            continue;
        }
        out[n++] = '\\';
        out[n++] = 'x';
        out[n++] = hex[c >> 4];
        out[n++] = hex[c & 15];
    }
    return n;
}

static size_t write_prefix(char *line, size_t size, enum log_level level)
{
    int64_t now = clock_wall_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm utc;
    char date[32];

    gmtime_r(&seconds, &utc);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    int n = snprintf(line, size, "%s.%03dZ %-5s %s: ", date, (int)(now % 1000), level_names[level],
                     program_name);
    return n > 0 ? (size_t)n : 0;
}

void log_write(enum log_level level, const char *format, ...)
{
    char text[LINE_BYTES], line[LINE_BYTES + 128];
    unsigned dropped;

    if (level < min_level)
        return;
    pthread_mutex_lock(&lock);
    bool admitted = admit_locked(format, &dropped) || level == LOG_LEVEL_DEBUG;
    pthread_mutex_unlock(&lock);
    if (!admitted)
        return;

    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    size_t n = write_prefix(line, sizeof(line), level);
    n += escape_text(line + n, sizeof(line) - n - 96, text);
    if (trace[0] != '\0') {
        n += (size_t)snprintf(line + n, sizeof(line) - n, " trace=");
        n += escape_text(line + n, sizeof(line) - n - 40, trace);
    }
    if (dropped > 0)
        n += (size_t)snprintf(line + n, sizeof(line) - n, " (%u such lines left out)", dropped);
    line[n++] = '\n';
    /* One write for each line keeps lines of several threads intact; a full disk is ignored. */
    if (write(STDERR_FILENO, line, n) < 0)
        return;
}
