#ifndef USER_ACCESS_REGISTRATION_H
#define USER_ACCESS_REGISTRATION_H

#include "services/user/user_service.h"

/* Who may sign up, and with which tags. */

/* "open", "invite" or "closed"; false for another word. */
bool registration_mode_from_name(const char *name, enum registration_mode *mode_out);

/* Whether the tag is one of a list that is separated by commas, in any case, with or without '@'.
 */
bool registration_is_reserved(const char *reserved_tags, const char *tag);

/*
 * Asks whether somebody may sign up with this invite ("": none). STATUS_FORBIDDEN, with a reason
 * for users that begins with "registration: " or "invite: ". With STATUS_OK, `invite_out` is the
 * code, if one is needed; else zeroed: registration_take does nothing with it.
 */
enum status registration_admit(struct user_service *service, const char *invite,
                               struct user_code *invite_out, const char **reason_out) MUST_CHECK;

/* The same for a sign-up that was admitted before, by the key of its invite (zeroed: none). */
enum status registration_admit_again(struct user_service *service, const struct id *invite_key,
                                     struct user_code *invite_out,
                                     const char **reason_out) MUST_CHECK;

/* Uses the invite for a user who is about to be added. STATUS_FORBIDDEN likewise. */
enum status registration_take(struct user_service *service, struct user_code *invite,
                              const struct user *user, const char **reason_out) MUST_CHECK;

/* The user could not be added. */
void registration_give_back(struct user_service *service, const struct user_code *invite);

#endif
