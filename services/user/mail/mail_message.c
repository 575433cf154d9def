#include "services/user/mail/mail_message.h"

#include <string.h>
#include <time.h>

#include "services/common/base/mail_address.h"
#include "services/common/base/text.h"

enum {
    LINE_MAX_BYTES = 998,    /* RFC 5322 section 2.1.1 */
    ENCODED_LINE_MAX = 76,   /* RFC 2045 section 6.7 */
    ENCODED_WORD_BYTES = 18, /* so that no word has over 75 characters (RFC 2047 section 2) */
};

static bool is_ascii(const char *text)
{
    while (*text != '\0' && (unsigned char)*text < 0x80)
        text++;
    return *text == '\0';
}

/* --- header -------------------------------------------------------------------------------- */

/* Not by strftime, which follows the locale. */
static void append_date(struct buffer *out, int64_t date_s)
{
    static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t seconds = (time_t)date_s;
    struct tm tm = { 0 };

    gmtime_r(&seconds, &tm);
    buffer_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday,
                  months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Each encoded word has whole characters only (RFC 2047 section 5). */
static void append_encoded_words(struct buffer *out, const char *text)
{
    size_t left = strlen(text);

    for (bool is_first = true; left > 0; is_first = false) {
        size_t taken = 0;
        bool valid;
        for (size_t next;
             taken < left && (next = text_utf8_next(text + taken, left - taken, &valid),
                             taken + next <= ENCODED_WORD_BYTES);)
            taken += next;
        buffer_append_text(out, is_first ? "=?UTF-8?Q?" : "\r\n =?UTF-8?Q?");
        for (size_t i = 0; i < taken; i++)
            buffer_printf(out, "=%02X", (unsigned char)text[i]);
        buffer_append_text(out, "?=");
        text += taken;
        left -= taken;
    }
}

static void append_header(struct buffer *out, const struct mail_message *message, bool is_encoded)
{
    append_date(out, message->date_s);
    buffer_printf(out, "From: <%s>\r\nTo: <%s>\r\nMessage-ID: <%s@%s>\r\nSubject: ", message->from,
                  message->to, message->id, mail_address_domain(message->from));
    if (is_ascii(message->subject) && strstr(message->subject, "=?") == NULL)
        buffer_append_text(out, message->subject);
    else
        append_encoded_words(out, message->subject);
    buffer_printf(out,
                  "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                  "Content-Transfer-Encoding: %s\r\nAuto-Submitted: auto-generated\r\n\r\n",
                  is_encoded ? "quoted-printable" : "7bit");
}

/* --- text ---------------------------------------------------------------------------------- */

static bool needs_encoding(const char *text)
{
    for (const char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (length > LINE_MAX_BYTES)
            return true;
        for (size_t i = 0; i < length; i++)
            if ((unsigned char)line[i] >= 0x7f || ((unsigned char)line[i] < ' ' && line[i] != '\t'))
                return true;
        line += length + (line[length] == '\n');
    }
    return false;
}

/* A space at the end of a line would be lost (RFC 2045 section 6.7, rule 3). */
static bool is_literal(const char *at, size_t left)
{
    if (*at == ' ')
        return left > 1;
    return *at > ' ' && *at < 0x7f && *at != '=';
}

static void append_quoted_line(struct buffer *out, const char *line, size_t length)
{
    size_t column = 0;

    for (size_t i = 0; i < length; i++) {
        bool literal = is_literal(line + i, length - i);
        size_t width = literal ? 1 : 3;
        if (column + width > ENCODED_LINE_MAX - 1) { /* the '=' that ends it counts */
            buffer_append_text(out, "=\r\n");
            column = 0;
        }
        if (literal)
            buffer_append_char(out, line[i]);
        else
            buffer_printf(out, "=%02X", (unsigned char)line[i]);
        column += width;
    }
}

static void append_text(struct buffer *out, const char *text, bool is_encoded)
{
    for (const char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (is_encoded)
            append_quoted_line(out, line, length);
        else
            buffer_append(out, line, length);
        buffer_append_text(out, "\r\n");
        line += length + (line[length] == '\n');
    }
}

enum status mail_message_write(const struct mail_message *message, struct buffer *out)
{
    size_t length = strnlen(message->subject, MAIL_MESSAGE_SUBJECT_MAX + 1);
    bool is_encoded = needs_encoding(message->text);

    if (!mail_address_is_valid(message->from) || !is_ascii(message->from) ||
        !mail_address_is_valid(message->to))
        return STATUS_INVALID_ARGUMENT;
    if (length > MAIL_MESSAGE_SUBJECT_MAX || !text_is_utf8(message->subject, length) ||
        text_has_control(message->subject) || text_has_control(message->id) ||
        !text_is_utf8(message->text, strlen(message->text)))
        return STATUS_INVALID_ARGUMENT;
    append_header(out, message, is_encoded);
    append_text(out, message->text, is_encoded);
    return STATUS_OK;
}
