#ifndef USER_USER_RULES_H
#define USER_USER_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "services/user/store/user_store.h"

/*
 * The rules for the fields of a user. Each check returns NULL for a valid value, else an error
 * message for users that names the field. Some return the normalised form to store.
 */

const char *user_rules_check_tag(const char *tag);

/* 1 to 64 letters and combining marks of any script, beginning with a letter, with single inner
 * spaces, hyphens, apostrophes or full stops. Writes the NFC form. `field` is "firstName" or
 * "lastName". */
const char *user_rules_check_name(const char *field, const char *name,
                                  char nfc_out[USER_NAME_SIZE]);

/* x@y.z without white space, at most 254 bytes. Writes the case-folded form. */
const char *user_rules_check_email(const char *email, char key_out[USER_EMAIL_SIZE]);

/* `min` to 1024 bytes. */
const char *user_rules_check_password(const char *password, size_t min);

#endif
