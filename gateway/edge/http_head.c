#include "gateway/edge/http_head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/edge/http_target.h"
#include "services/common/base/memory.h"
#include "services/common/base/text.h"

enum {
    BAD_REQUEST = 400,
    TARGET_TOO_LONG = 414,
    HEADER_TOO_LARGE = 431,
    NOT_IMPLEMENTED = 501,
    VERSION_NOT_SUPPORTED = 505,
};

/* --- finding the end --------------------------------------------------------------------- */

/* Whether a byte may be part of a line at all: printable ASCII, tab, or above ASCII. */
static bool is_text(char byte)
{
    unsigned char c = (unsigned char)byte;

    return c == '\t' || (c >= ' ' && c != 0x7f);
}

/* At the CR LF of an empty line at bytes[at]: whether it ends the head. */
static bool ends_head(struct http_head_scan *scan, size_t at)
{
    if (scan->has_line)
        return true;
    scan->begin = at + 2;
    return false;
}

/* A CR at bytes[at], an LF behind it. The line before it began behind the previous LF. */
static int end_line(struct http_head_scan *scan, const char *bytes, size_t at)
{
    bool empty = at == scan->begin || (scan->has_line && bytes[at - 1] == '\n');

    scan->seen = at + 2;
    if (!empty) {
        scan->has_line = true;
        return HTTP_HEAD_INCOMPLETE;
    }
    if (!scan->has_line && scan->begin > 0)
        return BAD_REQUEST; /* one empty line is skipped, not two */
    return ends_head(scan, at) ? HTTP_HEAD_COMPLETE : HTTP_HEAD_INCOMPLETE;
}

int http_head_scan_on(struct http_head_scan *scan, const char *bytes, size_t length)
{
    while (scan->seen < length) {
        size_t at = scan->seen;
        if (at - scan->begin >= HTTP_HEAD_BYTES_MAX)
            return scan->has_line ? HEADER_TOO_LARGE : TARGET_TOO_LONG;
        if (bytes[at] == '\r') {
            if (at + 1 == length)
                return HTTP_HEAD_INCOMPLETE;
            if (bytes[at + 1] != '\n')
                return BAD_REQUEST;
            int result = end_line(scan, bytes, at);
            if (result != HTTP_HEAD_INCOMPLETE)
                return result;
        } else if (is_text(bytes[at])) {
            scan->seen++;
        } else {
            return BAD_REQUEST;
        }
    }
    return HTTP_HEAD_INCOMPLETE;
}

/* --- the parts of a line ----------------------------------------------------------------- */

bool http_head_is_token(const char *text, size_t length)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
                                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (size_t i = 0; i < length; i++)
        if (text[i] == '\0' || strchr(allowed, text[i]) == NULL)
            return false;
    return length > 0;
}

/* The version has exactly one digit on either side (RFC 9112 section 2.3). */
static int read_version(const char *text, struct http_head *head)
{
    if (strlen(text) != 8 || strncmp(text, "HTTP/", 5) != 0 || text[6] != '.' || text[5] < '0' ||
        text[5] > '9' || text[7] < '0' || text[7] > '9')
        return BAD_REQUEST;
    if (text[5] != '1')
        return VERSION_NOT_SUPPORTED;
    head->minor = text[7] - '0';
    return HTTP_HEAD_COMPLETE;
}

/* Exactly one space between the three parts: lenient readers differ in what they make of more. */
static int read_request_line(char *line, struct http_head *head, struct http_target *target_out)
{
    char *target = strchr(line, ' ');
    char *version = target != NULL ? strchr(target + 1, ' ') : NULL;

    if (version == NULL)
        return BAD_REQUEST;
    *target++ = '\0';
    *version++ = '\0';
    int result = read_version(version, head);
    if (result != HTTP_HEAD_COMPLETE)
        return result;
    *target_out = http_target_read(target);
    head->method = line;
    head->path = target_out->path;
    if (!http_head_is_token(line, strlen(line)) || target_out->form == HTTP_TARGET_INVALID ||
        (target_out->form == HTTP_TARGET_ASTERISK && strcmp(line, "OPTIONS") != 0))
        return BAD_REQUEST;
    return HTTP_HEAD_COMPLETE;
}

/* A folded line begins with white space, which no name has. */
static int read_field(char *line, struct http_head *head)
{
    size_t name = strcspn(line, ":");

    if (line[name] == '\0' || !http_head_is_token(line, name))
        return BAD_REQUEST;
    if (head->field_count == HTTP_HEAD_FIELDS_MAX)
        return HEADER_TOO_LARGE;
    line[name] = '\0';
    char *value = line + name + 1;
    value += strspn(value, " \t");
    size_t length = strlen(value);
    while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\t'))
        length--;
    value[length] = '\0';
    head->fields[head->field_count++] = (struct http_head_field){ line, value };
    return HTTP_HEAD_COMPLETE;
}

/* --- what the fields mean together ------------------------------------------------------- */

const char *http_head_value(const struct http_head *head, const char *name)
{
    const char *value = NULL;

    return http_head_values(head, name, &value, 1) > 0 ? value : NULL;
}

size_t http_head_values(const struct http_head *head, const char *name, const char **values_out,
                        size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < head->field_count; i++) {
        if (strcasecmp(head->fields[i].name, name) != 0)
            continue;
        if (count < max)
            values_out[count] = head->fields[i].value;
        count++;
    }
    return count;
}

static bool list_has_token(const char *list, const char *token)
{
    size_t wanted = strlen(token);

    while (*list != '\0') {
        list += strspn(list, ", \t");
        size_t length = strcspn(list, ","), used = length;
        while (length > 0 && (list[length - 1] == ' ' || list[length - 1] == '\t'))
            length--;
        if (length == wanted && strncasecmp(list, token, wanted) == 0)
            return true;
        list += used;
    }
    return false;
}

bool http_head_has_token(const struct http_head *head, const char *name, const char *token)
{
    for (size_t i = 0; i < head->field_count; i++)
        if (strcasecmp(head->fields[i].name, name) == 0 &&
            list_has_token(head->fields[i].value, token))
            return true;
    return false;
}

/* Exactly one Host (RFC 9112 section 3.2), which agrees with the target if that names one, too. */
static int check_host(struct http_head *head, const struct http_target *target)
{
    size_t count = http_head_values(head, "Host", &head->host, 1);

    if (count > 1 || (count == 0 && head->minor > 0))
        return BAD_REQUEST;
    if (count == 0)
        head->host = target->authority != NULL ? target->authority : "";
    else if (!http_target_is_authority(head->host))
        return BAD_REQUEST;
    if (target->authority != NULL && !http_target_is_same_authority(target->authority, head->host))
        return BAD_REQUEST;
    return HTTP_HEAD_COMPLETE;
}

/* One coding, "chunked". Another one before it is unknown to us; anything else leaves the end of
 * the body in doubt (RFC 9112 sections 6.1 and 6.3). */
static int read_transfer_coding(struct http_head *head, const char *coding, size_t count)
{
    if (count > 1 || head->minor == 0)
        return BAD_REQUEST;
    if (strcasecmp(coding, "chunked") == 0) {
        head->body = HTTP_HEAD_CHUNKED;
        return HTTP_HEAD_COMPLETE;
    }
    size_t first = strcspn(coding, ", \t;");
    bool other = http_head_is_token(coding, first) &&
                 !(first == strlen("chunked") && strncasecmp(coding, "chunked", first) == 0);
    return other ? NOT_IMPLEMENTED : BAD_REQUEST;
}

/* One number: digits only. */
static int read_length(struct http_head *head, const char *text, size_t count)
{
    int64_t length;

    if (count > 1 || strspn(text, "0123456789") != strlen(text) ||
        !text_to_int(text, 0, INT64_MAX, &length))
        return BAD_REQUEST;
    head->length = (uint64_t)length;
    head->body = length > 0 ? HTTP_HEAD_LENGTH : HTTP_HEAD_NO_BODY;
    return HTTP_HEAD_COMPLETE;
}

static int read_framing(struct http_head *head)
{
    const char *coding = "", *length = "";
    size_t codings = http_head_values(head, "Transfer-Encoding", &coding, 1);
    size_t lengths = http_head_values(head, "Content-Length", &length, 1);

    if (codings > 0 && lengths > 0)
        return BAD_REQUEST;
    if (codings > 0)
        return read_transfer_coding(head, coding, codings);
    return lengths > 0 ? read_length(head, length, lengths) : HTTP_HEAD_COMPLETE;
}

/* --- the whole --------------------------------------------------------------------------- */

/* Cuts the line at `*at` off; `*at` is behind it then. There is one: the end was found. */
static char *cut_line(char **at)
{
    char *line = *at, *end = strchr(line, '\r');

    *end = '\0';
    *at = end + 2;
    return line;
}

int http_head_read(const char *bytes, size_t length, struct http_head *head_out)
{
    struct http_target target;
    char *at;

    *head_out = (struct http_head){ .text = xstrndup(bytes, length) };
    at = head_out->text;
    int result = read_request_line(cut_line(&at), head_out, &target);
    while (result == HTTP_HEAD_COMPLETE && *at != '\r')
        result = read_field(cut_line(&at), head_out);
    if (result == HTTP_HEAD_COMPLETE)
        result = check_host(head_out, &target);
    if (result == HTTP_HEAD_COMPLETE)
        result = read_framing(head_out);
    head_out->keeps_alive =
        head_out->minor > 0 && !http_head_has_token(head_out, "Connection", "close");
    return result;
}

void http_head_finish(struct http_head *head)
{
    free(head->text);
    *head = (struct http_head){ 0 };
}
