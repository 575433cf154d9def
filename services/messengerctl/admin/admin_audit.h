#ifndef MESSENGERCTL_ADMIN_ADMIN_AUDIT_H
#define MESSENGERCTL_ADMIN_ADMIN_AUDIT_H

#include "services/messengerctl/admin/admin_link.h"
#include "services/messengerctl/command_line.h"

/* The command "audit". False, printed, on failure. */
bool admin_audit_list(struct admin_link *link, const struct command_line *line);

#endif
