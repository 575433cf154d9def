#ifndef MESSENGERCTL_LOCAL_TIME_H
#define MESSENGERCTL_LOCAL_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* Times as people write and read them, in the local time zone (tzset(3): TZ). */

/*
 * A date and time of ISO 8601: 2026-11-28, with T09:30 or T09:30:00 (or a space instead of T), with
 * Z or an offset such as +01:00; or how long before `now_ms`, as text_to_seconds reads it, with a
 * unit. In milliseconds since 1970; the years 1970 to 9999. False for any other text.
 */
bool local_time_read(const char *text, int64_t now_ms, int64_t *wall_ms_out);

/* Writes e.g. 2026-11-28T10:30:00+01:00; "-" for a time outside these years. */
enum { LOCAL_TIME_SIZE = 32 };
void local_time_print(int64_t wall_ms, char out[LOCAL_TIME_SIZE]);

#endif
