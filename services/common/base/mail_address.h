#ifndef COMMON_BASE_MAIL_ADDRESS_H
#define COMMON_BASE_MAIL_ADDRESS_H

#include <stdbool.h>

/*
 * Whether mail can be sent to this address: a Mailbox of RFC 5321 section 4.1.2 whose local part is
 * a Dot-string, of at most 64 bytes, and whose domain is a name, or the same in UTF-8 (RFC 6531);
 * at most 254 bytes. So it has no space, quote, bracket, comma or control character: it can stand
 * in a command of SMTP and in a header field as it is.
 */
bool mail_address_is_valid(const char *address);

/* What follows the '@' of a valid address; borrowed from it. */
const char *mail_address_domain(const char *address);

#endif
