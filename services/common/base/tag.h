#ifndef COMMON_BASE_TAG_H
#define COMMON_BASE_TAG_H

#include <stdbool.h>

/*
 * A tag names a user: '@', a letter, then letters, digits or '_', ASCII, 2 to 33 characters in all.
 * Its key, the tag in lower case without '@', is the user's identity in stores and subjects.
 */
enum { TAG_MAX = 33, TAG_SIZE = TAG_MAX + 1 };

bool tag_is_valid(const char *tag);

/* The key of a valid tag. False, and "" in `key_out`, when the tag is not valid. */
bool tag_to_key(const char *tag, char key_out[TAG_SIZE]);

/* True when both are valid and name the same user. */
bool tag_same(const char *one, const char *other);

#endif
