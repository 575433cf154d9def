#ifndef COMMON_BASE_LOG_H
#define COMMON_BASE_LOG_H

#include <stdbool.h>

/*
 * One line an event on standard error: time (UTC), level, program, text, and the trace id of the
 * request being worked on. Control characters are escaped, so that no peer can forge a line.
 * A call site may write 50 lines in 10 seconds, at level debug any number; further lines are
 * counted, and the count is logged. All functions may be called from any thread.
 */
enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_NONE, /* for log_init only: nothing is written */
};

/* `program` is borrowed for ever. Before this, lines are written at level info. */
void log_init(const char *program, enum log_level min);

/* False when the name is none of debug, info, warn, error. */
bool log_level_from_name(const char *name, enum log_level *level_out);

/* The trace id that this thread's lines carry from now on; "" or NULL = none. Copied. */
void log_set_trace(const char *trace_id);

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
