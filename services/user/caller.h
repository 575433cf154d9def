#ifndef USER_CALLER_H
#define USER_CALLER_H

#include "services/user/user_service.h"
#include "user.pb-c.h"

/* The account in whose name a method is called. */

/* Whether the user is the account with this id, of 24 hex digits. */
bool caller_is_account(const struct user *user, const char *id);

/* The user with this tag. STATUS_UNAUTHENTICATED when there is none, it is disabled, or another
 * account has the tag (unless `id` is ""). */
enum status caller_load(struct user_service *service, const char *tag, const char *id,
                        struct user *user_out) MUST_CHECK;

/* The same by an account's name, which may be missing. */
enum status caller_load_account(struct user_service *service, const Messenger__AccountName *account,
                                struct user *user_out) MUST_CHECK;

#endif
