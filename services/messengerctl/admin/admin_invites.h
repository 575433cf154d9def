#ifndef MESSENGERCTL_ADMIN_ADMIN_INVITES_H
#define MESSENGERCTL_ADMIN_ADMIN_INVITES_H

#include "services/messengerctl/admin/admin_link.h"
#include "services/messengerctl/command_line.h"

/* The commands "invite ...". False, printed, on failure. The third word of revoke is ID. */
bool admin_invites_create(struct admin_link *link, const struct command_line *line);
bool admin_invites_list(struct admin_link *link, const struct command_line *line);
bool admin_invites_revoke(struct admin_link *link, const struct command_line *line);

#endif
