#ifndef USER_ACCESS_CREDENTIALS_H
#define USER_ACCESS_CREDENTIALS_H

#include "services/user/user_service.h"

/* Passwords as people type them (user_rules_prepare_password), hashed and verified: slow on
 * purpose, for handlers of the slow lane. */

/* STATUS_UNAVAILABLE: no memory. STATUS_INVALID_ARGUMENT: it cannot be prepared. */
enum status credentials_hash(const struct user_service *service, const char *password,
                             char hash_out[USER_HASH_SIZE]) MUST_CHECK;

/*
 * Also accepts a hash of the bytes as they were typed, which was made before passwords were
 * prepared. When these differ from the prepared form, both are hashed whatever the first result is,
 * and whether the user exists or not: the time depends on what was typed, and on nothing else.
 */
bool credentials_verify(const char *hash, const char *password);

/* The password is right: stores a new hash of it if the present one costs less than what is
 * configured. A failure is logged only. */
void credentials_strengthen(struct user_service *service, const struct user *user,
                            const char *password);

#endif
