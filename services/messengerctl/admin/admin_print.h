#ifndef MESSENGERCTL_ADMIN_ADMIN_PRINT_H
#define MESSENGERCTL_ADMIN_ADMIN_PRINT_H

#include <stdbool.h>

#include "admin.pb-c.h"
#include "services/messengerctl/table.h"

/* Prints what the user service answers: for people, or as a line of JSON for each object. */

/* Tables to begin with; to be passed to the functions below page by page. */
struct table admin_print_user_table(void);
struct table admin_print_invite_table(void);

void admin_print_users(struct table *table, bool json, const Messenger__UserRecords *users);
void admin_print_invites(struct table *table, bool json, const Messenger__InviteList *invites);

/* The account, and its sessions: in JSON as a member "sessions". */
void admin_print_details(bool json, const Messenger__UserDetails *details);
void admin_print_sessions(bool json, const Messenger__UserDetails *details);

/* The end of a code or a session, in seconds since 1970, as a date; "-" when it is none. */
enum { ADMIN_PRINT_DATE_SIZE = 25 };
void admin_print_end(int64_t seconds, char out[ADMIN_PRINT_DATE_SIZE]);

#endif
