#define _DEFAULT_SOURCE /* timegm */
#include "services/messengerctl/local_time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "services/common/base/text.h"

enum { MINUTE_S = 60, HOUR_S = 60 * MINUTE_S, HOUR_MAX = 23, MINUTE_MAX = 59, SECOND_MAX = 59 };

static const int64_t LAST_MS = INT64_C(253402300799999); /* of the year 9999 */

/* --- reading ------------------------------------------------------------------------------- */

/* A number of so many digits at `*text`, which is moved behind it. */
static bool take_number(const char **text, size_t digits, int min, int max, int *value_out)
{
    char number[8] = "";
    int64_t value;

    if (strspn(*text, "0123456789") < digits)
        return false;
    memcpy(number, *text, digits);
    *text += digits;
    if (!text_to_int(number, min, max, &value))
        return false;
    *value_out = (int)value;
    return true;
}

static bool take(const char **text, const char *one_of)
{
    if (**text == '\0' || strchr(one_of, **text) == NULL)
        return false;
    (*text)++;
    return true;
}

static bool take_date(const char **text, struct tm *tm)
{
    int year, month;

    if (!take_number(text, 4, 1970, 9999, &year) || !take(text, "-") ||
        !take_number(text, 2, 1, 12, &month) || !take(text, "-") ||
        !take_number(text, 2, 1, 31, &tm->tm_mday))
        return false;
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    return true;
}

static bool take_time(const char **text, struct tm *tm)
{
    return take_number(text, 2, 0, HOUR_MAX, &tm->tm_hour) && take(text, ":") &&
           take_number(text, 2, 0, MINUTE_MAX, &tm->tm_min) &&
           (!take(text, ":") || take_number(text, 2, 0, SECOND_MAX, &tm->tm_sec));
}

/* The offset from UTC; `*is_local_out` when there is none. */
static bool take_zone(const char **text, bool *is_local_out, int *offset_s_out)
{
    int hours, minutes;

    *offset_s_out = 0;
    *is_local_out = **text == '\0';
    if (*is_local_out || take(text, "Zz"))
        return true;
    int sign = **text == '-' ? -1 : 1;
    if (!take(text, "+-") || !take_number(text, 2, 0, HOUR_MAX, &hours) ||
        (take(text, ":"), !take_number(text, 2, 0, MINUTE_MAX, &minutes)))
        return false;
    *offset_s_out = sign * (hours * HOUR_S + minutes * MINUTE_S);
    return true;
}

/* No 31st of February, which mktime would make one of March. */
static bool is_day(const struct tm *tm)
{
    struct tm same = { .tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday };

    timegm(&same);
    return same.tm_mday == tm->tm_mday && same.tm_mon == tm->tm_mon;
}

static bool read_date(const char *text, int64_t *wall_ms_out)
{
    struct tm tm = { .tm_isdst = -1 };
    bool is_local = true;
    int offset_s = 0;

    if (!take_date(&text, &tm) || !is_day(&tm))
        return false;
    if (take(&text, "Tt ") && (!take_time(&text, &tm) || !take_zone(&text, &is_local, &offset_s)))
        return false;
    if (*text != '\0')
        return false;
    *wall_ms_out = ((int64_t)(is_local ? mktime(&tm) : timegm(&tm)) - offset_s) * 1000;
    return *wall_ms_out >= 0 && *wall_ms_out <= LAST_MS;
}

bool local_time_read(const char *text, int64_t now_ms, int64_t *wall_ms_out)
{
    bool has_unit = strspn(text, "0123456789") < strlen(text); /* or it may be a year */
    int64_t seconds;

    if (!has_unit || !text_to_seconds(text, &seconds))
        return read_date(text, wall_ms_out);
    *wall_ms_out = now_ms - seconds * 1000;
    return *wall_ms_out >= 0;
}

/* --- printing ------------------------------------------------------------------------------ */

void local_time_print(int64_t wall_ms, char out[LOCAL_TIME_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    char zone[8], date[LOCAL_TIME_SIZE];
    struct tm tm;

    snprintf(out, LOCAL_TIME_SIZE, "-");
    if (wall_ms <= 0 || wall_ms > LAST_MS || localtime_r(&seconds, &tm) == NULL)
        return;
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
    strftime(zone, sizeof(zone), "%z", &tm); /* +0100 */
    snprintf(out, LOCAL_TIME_SIZE, "%.19s%.3s:%.2s", date, zone, zone + 3);
}
