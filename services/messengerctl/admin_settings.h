#ifndef MESSENGERCTL_ADMIN_SETTINGS_H
#define MESSENGERCTL_ADMIN_SETTINGS_H

#include "services/common/process/settings.h"
#include "services/messengerctl/command_line.h"

/*
 * The settings of all programs, and where they do not define how to reach NATS, what `make run`
 * left in its data directory: the address in nats.url, the password of the user in
 * secrets/nats_<user>. The user is "admin" unless set; without any password there is no log-in.
 * False, printed, when the settings are not usable. Changes the environment, so before the first
 * thread. Free with settings_finish in either case.
 */
bool admin_settings_load(const struct command_line *line, struct settings *settings_out);

/* Its second part: puts what `make run` left in a directory, and the settings lack, into the
 * environment, for the next settings_load. With `must_exist`, also the name of a password's file
 * that is not there. */
void admin_settings_find(const struct settings *settings, const char *data, bool must_exist);

#endif
