#ifndef MESSAGE_MESSAGE_RULES_H
#define MESSAGE_MESSAGE_RULES_H

#include <stdint.h>

/* The rules for the fields of a message. Each check returns NULL for a valid value, else an error
 * message for users that names the field. */
enum { MESSAGE_TEXT_MAX = 16 * 1024, MESSAGE_CLIENT_ID_MAX = 64, MESSAGE_PAGE_MAX = 1000 };

/* 1 byte to 16 KiB of UTF-8. */
const char *message_rules_check_text(const char *text);

/* "" (none), or 1 to 64 characters of UTF-8. */
const char *message_rules_check_client_id(const char *client_message_id);

/* [start, end) with start < end and at most 1000 entries. */
const char *message_rules_check_range(uint32_t start, uint32_t end);

#endif
