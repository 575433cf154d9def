#ifndef USER_NAMED_USER_H
#define USER_NAMED_USER_H

#include "services/user/user_service.h"

/* The account that the administrator names: by its tag, with or without '@', or its e-mail address.
 * The name may be hostile. STATUS_NOT_FOUND. */
enum status named_user_find(struct user_service *service, const char *name,
                            struct user *user_out) MUST_CHECK;

#endif
