#include "gateway/http/http_origin.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/edge/http_target.h"
#include "gateway/http/http_request.h"
#include "services/common/base/text.h"
#include "services/common/process/settings.h"

/* Cuts "host:port" at the port. Returns it, or the default of the scheme; -1: it is none. */
static int64_t cut_port(char *authority, bool is_secure)
{
    char *host_end = authority[0] == '[' ? strchr(authority, ']') : authority;
    char *colon = host_end != NULL ? strchr(host_end, ':') : NULL;
    int64_t port = is_secure ? 443 : 80;

    if (colon == NULL)
        return port;
    *colon = '\0';
    if (colon[1] != '\0' && !text_to_int(colon + 1, 0, 65535, &port))
        return -1;
    return port;
}

bool http_origin_normalise(const char *text, char out[HTTP_ORIGIN_SIZE])
{
    bool is_secure = strncasecmp(text, "https://", 8) == 0;
    char authority[HTTP_ORIGIN_SIZE - 16];

    if (!is_secure && strncasecmp(text, "http://", 7) != 0)
        return false;
    text += is_secure ? 8 : 7;
    size_t length = strcspn(text, "/?#");
    if (length >= sizeof(authority))
        return false;
    snprintf(authority, sizeof(authority), "%.*s", (int)length, text);
    if (!http_target_is_authority(authority))
        return false;
    text_lower_ascii(authority);
    int64_t port = cut_port(authority, is_secure);
    if (port < 0)
        return false;
    if (port == (is_secure ? 443 : 80))
        snprintf(out, HTTP_ORIGIN_SIZE, "http%s://%s", is_secure ? "s" : "", authority);
    else
        snprintf(out, HTTP_ORIGIN_SIZE, "http%s://%s:%d", is_secure ? "s" : "", authority,
                 (int)port);
    return true;
}

static bool is_in_list(const char *list, const char *origin)
{
    char entry[HTTP_ORIGIN_SIZE], normal[HTTP_ORIGIN_SIZE];

    for (list += strspn(list, ", "); *list != '\0'; list += strspn(list, ", ")) {
        size_t length = strcspn(list, ", ");
        snprintf(entry, sizeof(entry), "%.*s", (int)length, list);
        if (length < sizeof(entry) && http_origin_normalise(entry, normal) &&
            strcmp(normal, origin) == 0)
            return true;
        list += length;
    }
    return false;
}

/* The page was loaded from the host that the request is sent to. Its scheme is not known here: a
 * proxy may end TLS. So the default port of either is taken for that of the other. */
static bool is_own(const struct http_request *request, const char *origin)
{
    char with_scheme[HTTP_ORIGIN_SIZE], own[HTTP_ORIGIN_SIZE];
    bool is_secure = strncmp(origin, "https://", 8) == 0;

    snprintf(with_scheme, sizeof(with_scheme), "http%s://%.256s", is_secure ? "s" : "",
             http_host(request));
    return http_origin_normalise(with_scheme, own) && strcmp(own, origin) == 0;
}

bool http_origin_is_allowed(const struct settings *settings, const struct http_request *request,
                            const char *origin)
{
    char normal[HTTP_ORIGIN_SIZE];

    return http_origin_normalise(origin, normal) &&
           (is_own(request, normal) || is_in_list(settings->client_url, normal) ||
            is_in_list(settings->websocket_allowed_origins, normal));
}

bool http_origin_may_act(const struct settings *settings, const struct http_request *request)
{
    const char *origin = http_header(request, "Origin");
    const char *site = http_header(request, "Sec-Fetch-Site");

    if (origin != NULL)
        return http_origin_is_allowed(settings, request, origin);
    return site == NULL || strcasecmp(site, "cross-site") != 0;
}
