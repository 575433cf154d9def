#ifndef MESSAGE_STORE_ACCOUNT_NAME_H
#define MESSAGE_STORE_ACCOUNT_NAME_H

#include <stdbool.h>

#include "services/common/base/id.h"
#include "services/common/base/tag.h"

/*
 * The name of an account in a message store. A tag names an account, and is never given to another
 * one; but the store of users may be replaced, by an older copy for instance, and then somebody
 * else can sign up with it. The first account of a tag has the tag as its name, "@Mona"; every
 * other one has the tag and its own id, "@Mona:65f0c1...". So two accounts never share a dialog,
 * a contact, a position or a message id, and a conversation id, which is made of two names, stays
 * as it is for users who keep their accounts.
 *
 * A name has a key, as a tag has: in lower case, without '@'.
 */
enum { ACCOUNT_NAME_SIZE = TAG_SIZE + 1 + ID_HEX };

/* The name of a later account of a tag. False when the tag is invalid. */
bool account_name_set(char name_out[ACCOUNT_NAME_SIZE], const char *tag, const char *account_id);

/* False, and "", when the name is invalid. */
bool account_name_to_key(const char *name, char key_out[ACCOUNT_NAME_SIZE]);

/* Whether two valid names are those of the same account. */
bool account_name_same(const char *one, const char *other);

/* The tag of a name, or the tag's key of a name's key. */
void account_name_strip(const char *name, char tag_out[TAG_SIZE]);

#endif
