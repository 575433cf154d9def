#include "gateway/http/http_client.h"

#include <strings.h>

#include "gateway/edge/http_head.h"
#include "gateway/http/http_request.h"
#include "gateway/http/http_site.h"
#include "services/common/base/places.h"

void http_client_address(const struct http_site *site, const struct http_request *request,
                         char out[CLIENT_ADDRESS_SIZE])
{
    const char *forwarded[HTTP_HEAD_FIELDS_MAX];
    size_t count = http_header_values(request, "X-Forwarded-For", forwarded, HTTP_HEAD_FIELDS_MAX);

    client_address(site->trusted_proxies, http_peer(request), forwarded, count, out);
}

void http_client_network(const struct http_site *site, const struct http_request *request,
                         char out[CLIENT_ADDRESS_SIZE])
{
    char address[CLIENT_ADDRESS_SIZE];

    http_client_address(site, request, address);
    client_address_group(address, out);
}

bool http_client_is_secure(const struct http_site *site, const struct http_request *request)
{
    const char *protocol = http_header(request, "X-Forwarded-Proto");

    return site->settings->cookie_secure ||
           (protocol != NULL && strcasecmp(protocol, "https") == 0 &&
            networks_contain(site->trusted_proxies, http_peer(request)));
}

/* --- places ------------------------------------------------------------------------------ */

static bool is_counted(const struct http_site *site, const char *peer)
{
    return !client_address_is_loopback(peer) && !networks_contain(site->trusted_proxies, peer);
}

bool http_client_admit(void *ctx, const char *peer)
{
    const struct http_site *site = ctx;
    char group[CLIENT_ADDRESS_SIZE];

    client_address_group(peer, group);
    return !is_counted(site, peer) || places_take(site->connections, group);
}

void http_client_leave(void *ctx, const char *peer)
{
    const struct http_site *site = ctx;
    char group[CLIENT_ADDRESS_SIZE];

    client_address_group(peer, group);
    if (is_counted(site, peer))
        places_leave(site->connections, group);
}

void http_client_group(const struct http_site *site, const struct http_request *request,
                       char out[CLIENT_ADDRESS_SIZE])
{
    char address[CLIENT_ADDRESS_SIZE];

    http_client_address(site, request, address);
    if (is_counted(site, address))
        client_address_group(address, out);
    else
        out[0] = '\0';
}

/* The group of a client behind a trusted proxy. False: there is none. */
static bool find_group(const struct http_site *site, const struct http_request *request,
                       char out[CLIENT_ADDRESS_SIZE])
{
    if (!networks_contain(site->trusted_proxies, http_peer(request)))
        return false;
    http_client_group(site, request, out);
    return out[0] != '\0';
}

bool http_client_take_place(const struct http_site *site, struct http_request *request)
{
    char group[CLIENT_ADDRESS_SIZE];

    if (!find_group(site, request, group))
        return true;
    bool taken = places_take(site->connections, group);
    http_set_place(request, taken);
    return taken;
}

void http_client_leave_place(const struct http_site *site, struct http_request *request)
{
    char group[CLIENT_ADDRESS_SIZE];

    if (http_has_place(request) && find_group(site, request, group))
        places_leave(site->connections, group);
}
