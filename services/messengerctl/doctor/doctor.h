#ifndef MESSENGERCTL_DOCTOR_DOCTOR_H
#define MESSENGERCTL_DOCTOR_DOCTOR_H

#include "services/messengerctl/command_line.h"

/*
 * Prints, a line for each setting that matters on the open internet, whether it is fit for that
 * (docs/security.md). Returns the exit status: 0 when all are, 1 when a finding is printed that is
 * not ok, 2, with the reasons printed, when the configuration is not usable. Changes the
 * environment, so before the first thread.
 */
int doctor_run(const struct command_line *line);

#endif
