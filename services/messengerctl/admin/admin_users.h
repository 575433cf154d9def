#ifndef MESSENGERCTL_ADMIN_ADMIN_USERS_H
#define MESSENGERCTL_ADMIN_ADMIN_USERS_H

#include "services/messengerctl/admin/admin_link.h"
#include "services/messengerctl/command_line.h"

/* The commands "user ...". False, printed, on failure. The third word is NAME, except for list. */
bool admin_users_list(struct admin_link *link, const struct command_line *line);
bool admin_users_show(struct admin_link *link, const struct command_line *line);
bool admin_users_disable(struct admin_link *link, const struct command_line *line);
bool admin_users_enable(struct admin_link *link, const struct command_line *line);
bool admin_users_sessions(struct admin_link *link, const struct command_line *line);
bool admin_users_logout(struct admin_link *link, const struct command_line *line);
bool admin_users_delete(struct admin_link *link, const struct command_line *line);
bool admin_users_reset_password(struct admin_link *link, const struct command_line *line);

#endif
