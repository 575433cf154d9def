#ifndef MESSENGERCTL_DOCTOR_DOCTOR_REPORT_H
#define MESSENGERCTL_DOCTOR_DOCTOR_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/* What `messengerctl doctor` finds, in the order in which it was added. */
enum doctor_severity { DOCTOR_OK, DOCTOR_WARN, DOCTOR_BAD };

struct doctor_finding {
    enum doctor_severity severity;
    const char *setting; /* a key of the configuration; a literal */
    char *text;          /* what there is, and if that is not ok, what to do */
};

/* Zeroed it is empty. */
struct doctor_report {
    struct doctor_finding *items;
    size_t count, capacity;
};

void doctor_report_add(struct doctor_report *report, enum doctor_severity severity,
                       const char *setting, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether any finding is more than DOCTOR_OK. */
bool doctor_report_warns(const struct doctor_report *report);

/* "ok", "warn" or "bad". */
const char *doctor_report_severity_name(enum doctor_severity severity);

void doctor_report_finish(struct doctor_report *report);

#endif
