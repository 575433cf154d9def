#ifndef COMMON_BASE_TEXT_H
#define COMMON_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Strict parsing of foreign text: each function accepts the whole text or refuses it. */

/* Well-formed UTF-8 (RFC 3629): no surrogates, nothing overlong, nothing above U+10FFFF. */
bool text_is_utf8(const void *data, size_t length);

/*
 * The length of the character at the begin of a text, which is not empty; 1 to 4 bytes. When it is
 * ill-formed, `*valid_out` is false and it is the length of its maximal subpart, which is to be
 * shown as one U+FFFD (The Unicode Standard, section 3.9, "U+FFFD Substitution").
 */
size_t text_utf8_next(const char *text, size_t length, bool *valid_out);

/* NFC of a UTF-8 string as a new string, which the caller frees; NULL when it is not UTF-8. */
char *text_nfc(const char *utf8);

/* A form in which two strings that differ in case only are equal (Unicode case folding, NFC), as a
 * new string, which the caller frees; NULL when it is not UTF-8. */
char *text_casefold(const char *utf8);

/* How many code points; the string must be UTF-8. */
size_t text_code_points(const char *utf8);

/* How many columns of a terminal the string takes: wide characters two, combining marks none
 * (Unicode Standard Annex 11). What is not UTF-8 counts one for each byte. */
size_t text_columns(const char *text);

/* Whether it has a control character of ASCII, which would break a header or a line of the log. */
bool text_has_control(const char *text);

/* A decimal integer in [min, max], the whole string, no sign but '-', no space. */
bool text_to_int(const char *text, int64_t min, int64_t max, int64_t *value_out);

/* "72h", "30m", "2 days", "45s", "1 week", or a number of seconds, 1 to 10 years; in seconds. */
bool text_to_seconds(const char *text, int64_t *seconds_out);

/* Writes e.g. 2020-10-26T13:05:37.971Z (ISO 8601, UTC). The years 1970 to 9999. */
enum { TEXT_DATE_SIZE = 25 };
void text_iso_date(int64_t wall_ms, char out[TEXT_DATE_SIZE]);

/* ASCII letters only, in place. */
void text_lower_ascii(char *text);

#endif
