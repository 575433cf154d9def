#ifndef USER_RULES_USER_RULES_H
#define USER_RULES_USER_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "services/user/store/user_store.h"

/* The image of a user without one. */
#define USER_RULES_DEFAULT_IMAGE "default.jpg"

/*
 * The rules for the fields of a user. Each check returns NULL for a valid value, else an error
 * message for users that names the field. Some return the normalised form to store.
 */

const char *user_rules_check_tag(const char *tag);

/* As in name_rules.h. Writes the NFC form. `field` is "firstName" or "lastName". */
const char *user_rules_check_name(const char *field, const char *name,
                                  char nfc_out[USER_NAME_SIZE]);

/* x@y.z without white space, at most 254 bytes. Writes the case-folded form. */
const char *user_rules_check_email(const char *email, char key_out[USER_EMAIL_SIZE]);

/*
 * The form of a password that is hashed, so that it does not depend on the keyboard: the profile
 * OpaqueString (RFC 8265 section 4.2). Spaces of other kinds become U+0020; NFC; case and all else
 * are kept. Of the characters that the profile disallows only control characters are refused:
 * whether others are allowed depends on the version of Unicode, and what was accepted once must
 * remain a password. A new string, which the caller wipes and frees; NULL when the password is
 * empty, not UTF-8, or contains a control character.
 */
char *user_rules_prepare_password(const char *password);

/* `min` to 1024 bytes in the prepared form, which exists. `field` is what a client calls it; of
 * "password", "newPassword". */
const char *user_rules_check_password(const char *field, const char *password, size_t min);

#endif
