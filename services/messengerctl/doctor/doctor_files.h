#ifndef MESSENGERCTL_DOCTOR_DOCTOR_FILES_H
#define MESSENGERCTL_DOCTOR_DOCTOR_FILES_H

#include "services/messengerctl/doctor/doctor_report.h"

/* Who may read what is on this machine's disk. */

/*
 * Adds one finding about stores in one directory (the paths of users.db, messages.db or both) and
 * about the secrets that `make run` keeps beside them: bad when others may read or replace one of
 * them, a warning when the group may, when others may enter the directory, or when that cannot be
 * determined.
 */
void doctor_files_check_stores(struct doctor_report *report, const char *setting,
                               const char *const *paths, size_t count);

#endif
