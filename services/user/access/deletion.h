#ifndef USER_ACCESS_DELETION_H
#define USER_ACCESS_DELETION_H

#include "services/user/user_service.h"

/* Deletes an account as it was read. From then on it cannot be used, and what it has left is erased
 * (announcer.h). STATUS_CONFLICT: its password or sessions have changed since. */
enum status deletion_delete(struct user_service *service, const struct user *before) MUST_CHECK;

/* What follows, once the caller is answered, whose socket it closes: the sessions end at once, and
 * the picture goes. */
void deletion_follow_up(struct user_service *service, const struct user *before);

#endif
