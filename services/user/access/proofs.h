#ifndef USER_ACCESS_PROOFS_H
#define USER_ACCESS_PROOFS_H

#include "services/user/access/codes.h"
#include "services/user/user_service.h"

/*
 * Sign-ups whose e-mail address is to be proven (registration.proveEmail). Until then there is no
 * account: the sign-up is pending (struct user_pending), expires after PROOFS_LIFETIME_S, and takes
 * neither the tag nor the address, so that nobody blocks the owner of an address, or a tag, by
 * sign-ups that are never proven. Of several with the same address or tag the first that is proven
 * gets it.
 *
 * A proof needs the code, which is sent to the address, and the password of the sign-up: so
 * somebody who follows the link of a sign-up of somebody else, with that person's password, proves
 * nothing.
 */
enum { PROOFS_LIFETIME_S = 24 * 60 * 60 };

/* Stores a sign-up; `secret_out` is to be sent to its address. It takes the same time whether that
 * has an account or not. `invite` is what registration_admit found. */
enum status proofs_begin(struct user_service *service, const struct user *user,
                         const struct user_code *invite,
                         char secret_out[CODES_SECRET_SIZE]) MUST_CHECK;

/* The pending sign-up of a code. STATUS_FORBIDDEN when there is none: it is unknown, expired, or
 * proven. */
enum status proofs_find(struct user_service *service, const char *secret,
                        struct user_pending *pending_out) MUST_CHECK;

/* The sign-up is proven, or its code is never sent. A failure is logged only: it expires. */
void proofs_end(struct user_service *service, const struct user_pending *pending);

#endif
