#ifndef USER_MAIL_MAIL_MESSAGE_H
#define USER_MAIL_MAIL_MESSAGE_H

#include <stdint.h>

#include "services/common/base/buffer.h"
#include "services/common/base/status.h"

enum { MAIL_MESSAGE_SUBJECT_MAX = 200 }; /* bytes */

/* A mail of plain text; all borrowed. */
struct mail_message {
    const char *from, *to; /* addresses (mail_address.h); `from` in ASCII */
    const char *subject;   /* UTF-8 without control characters */
    const char *text;      /* UTF-8; lines end with '\n' */
    const char *id;        /* unique, of letters and digits: it becomes part of the Message-ID */
    int64_t date_s;        /* since 1970 */
};

/*
 * Appends it as it is sent (RFC 5322, lines end with CRLF). No field can end a header line:
 * STATUS_INVALID_ARGUMENT for what is not as above, and nothing is appended. A subject beyond ASCII
 * is encoded (RFC 2047); so is the text, as quoted-printable, if it has such characters or a line
 * of over 998 bytes. "Auto-Submitted: auto-generated" keeps other programs from answering (RFC
 * 3834).
 */
enum status mail_message_write(const struct mail_message *message, struct buffer *out) MUST_CHECK;

#endif
