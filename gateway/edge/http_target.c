#include "gateway/edge/http_target.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "services/common/base/text.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* What a path and a query may contain besides percent-encoded bytes (RFC 3986 appendix A). */
static const char plain[] = LETTERS DIGITS "-._~!$&'()*+,;=:@/?";

/* --- authorities ------------------------------------------------------------------------- */

enum { PORT_MAX = 65535, PORT_HTTP = 80 };

/* "", or ":" and at most five digits. */
static bool read_port(const char *text, int64_t *port_out)
{
    *port_out = PORT_HTTP;
    if (text[0] == '\0' || strcmp(text, ":") == 0)
        return true;
    return text[0] == ':' && strspn(text + 1, DIGITS) == strlen(text + 1) &&
           text_to_int(text + 1, 0, PORT_MAX, port_out);
}

/* The length of the host at the start of an authority; 0 when it is none. */
static size_t host_length(const char *text)
{
    char address[INET6_ADDRSTRLEN];
    unsigned char bytes[16];

    if (text[0] != '[')
        return strspn(text, LETTERS DIGITS "-._~");
    size_t length = strcspn(text, "]");
    if (text[length] != ']' || length > sizeof(address))
        return 0;
    snprintf(address, sizeof(address), "%.*s", (int)length - 1, text + 1);
    return inet_pton(AF_INET6, address, bytes) == 1 ? length + 1 : 0;
}

static bool read_authority(const char *text, size_t *host_out, int64_t *port_out)
{
    *host_out = host_length(text);
    return *host_out > 0 && read_port(text + *host_out, port_out);
}

bool http_target_is_authority(const char *text)
{
    size_t host;
    int64_t port;

    return read_authority(text, &host, &port);
}

bool http_target_is_same_authority(const char *a, const char *b)
{
    size_t host_a, host_b;
    int64_t port_a, port_b;

    return read_authority(a, &host_a, &port_a) && read_authority(b, &host_b, &port_b) &&
           host_a == host_b && port_a == port_b && strncasecmp(a, b, host_a) == 0;
}

/* --- targets ----------------------------------------------------------------------------- */

static bool is_path_and_query(const char *text)
{
    while (*text != '\0') {
        text += strspn(text, plain);
        if (*text == '\0')
            break;
        if (text[0] != '%' || !isxdigit((unsigned char)text[1]) ||
            !isxdigit((unsigned char)text[2]))
            return false;
        text += 3;
    }
    return true;
}

/* `begin` is where the path starts, or the query, or the end. */
static bool cut_path(char *begin, struct http_target *out)
{
    static char root[] = "/";

    if (!is_path_and_query(begin))
        return false;
    begin[strcspn(begin, "?")] = '\0';
    out->path = *begin != '\0' ? begin : root;
    return true;
}

/* The path begins where the authority ends: one byte of memory is needed between them. So the
 * authority is moved over the second slash before it. */
static bool read_absolute(char *target, struct http_target *out)
{
    static const char scheme[] = "http://";
    size_t begin = sizeof(scheme) - 1;

    if (strncasecmp(target, scheme, begin) != 0)
        return false;
    size_t length = strcspn(target + begin, "/?");
    memmove(target + begin - 1, target + begin, length);
    target[begin - 1 + length] = '\0';
    out->authority = target + begin - 1;
    return http_target_is_authority(out->authority) && cut_path(target + begin + length, out);
}

struct http_target http_target_read(char *target)
{
    struct http_target out = { .form = HTTP_TARGET_INVALID };

    if (strcmp(target, "*") == 0) {
        out.form = HTTP_TARGET_ASTERISK;
        out.path = target;
    } else if (target[0] == '/') {
        if (cut_path(target, &out))
            out.form = HTTP_TARGET_ORIGIN;
    } else if (read_absolute(target, &out)) {
        out.form = HTTP_TARGET_ABSOLUTE;
    }
    return out;
}
