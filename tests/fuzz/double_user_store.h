/* A user store without data, in place of an engine: the choices of the input (choices.h) decide
 * which calls fail and what exists. What it returns keeps the contract of user_store.h, and goes to
 * its bounds. */
#ifndef FUZZ_DOUBLE_USER_STORE_H
#define FUZZ_DOUBLE_USER_STORE_H

#include "services/user/store/user_store.h"

/* The password of the users that have one. */
#define DOUBLE_USER_STORE_PASSWORD "correct horse"

/* `hash` is that of the password; borrowed. */
struct user_store *double_user_store(const char *hash);

#endif
