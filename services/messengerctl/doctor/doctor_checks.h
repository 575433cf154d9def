#ifndef MESSENGERCTL_DOCTOR_DOCTOR_CHECKS_H
#define MESSENGERCTL_DOCTOR_DOCTOR_CHECKS_H

#include "services/common/process/settings.h"
#include "services/messengerctl/doctor/doctor_hosts.h"
#include "services/messengerctl/doctor/doctor_report.h"

/*
 * Whether a configuration is fit for the open internet (docs/security.md). Only reads the settings
 * and, by doctor_checks_files, the modes of files; no finding has a secret in it.
 */

/* From where a host is reached. */
struct doctor_look_up {
    enum doctor_reach (*reach)(void *ctx, const char *host);
    void *ctx;
};

/* Adds the findings about all settings but files, in the order of the page. */
void doctor_checks_settings(struct doctor_report *report, const struct settings *settings,
                            const struct doctor_look_up *look_up);

/* Adds those about the SQLite stores on this machine. */
void doctor_checks_files(struct doctor_report *report, const struct settings *settings);

#endif
