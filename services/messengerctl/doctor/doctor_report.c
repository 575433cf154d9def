#include "services/messengerctl/doctor/doctor_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "services/common/base/array.h"
#include "services/common/base/memory.h"

void doctor_report_add(struct doctor_report *report, enum doctor_severity severity,
                       const char *setting, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t size = length >= 0 ? (size_t)length + 1 : 1;
    char *text = xcalloc(size, 1);
    va_start(args, format);
    vsnprintf(text, size, format, args);
    va_end(args);
    report->items =
        array_reserve(report->items, report->count, &report->capacity, sizeof(*report->items));
    report->items[report->count++] = (struct doctor_finding){ severity, setting, text };
}

bool doctor_report_warns(const struct doctor_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->items[i].severity != DOCTOR_OK)
            return true;
    return false;
}

const char *doctor_report_severity_name(enum doctor_severity severity)
{
    static const char *const names[] = { "ok", "warn", "bad" };

    return names[severity];
}

void doctor_report_finish(struct doctor_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        free(report->items[i].text);
    free(report->items);
    *report = (struct doctor_report){ 0 };
}
