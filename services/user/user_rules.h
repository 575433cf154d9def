#ifndef USER_USER_RULES_H
#define USER_USER_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "services/user/store/user_store.h"

/*
 * What a field of a user may hold: the one place that knows. Each check returns NULL when the value
 * is good, else a sentence for people that names the field; on good values it may rewrite them into
 * the form that is stored.
 */

const char *user_rules_check_tag(const char *tag);

/* 1 to 64 letters and combining marks of any script, begun by a letter, with single inner spaces,
 * hyphens, apostrophes or full stops. Writes the NFC form. `field` is "firstName" or "lastName". */
const char *user_rules_check_name(const char *field, const char *name,
                                  char nfc_out[USER_NAME_SIZE]);

/* x@y.z without white space, at most 254 bytes. Writes the case-folded form. */
const char *user_rules_check_email(const char *email, char key_out[USER_EMAIL_SIZE]);

/* `least` to 1024 bytes. */
const char *user_rules_check_password(const char *password, size_t min);

#endif
