#include "gateway/http/http_routes.h"

#include <stdio.h>
#include <string.h>

#include "gateway/http/assets.h"
#include "gateway/http/http_accounts.h"
#include "gateway/http/http_images.h"
#include "gateway/http/http_probes.h"
#include "gateway/http/http_request.h"
#include "gateway/http/http_site.h"
#include "services/common/base/log.h"

#define PAGE_POLICY                                                                                \
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; "                \
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"

static void respond_page(struct http_request *request, const char *name)
{
    const struct asset *asset = assets_find(name);

    if (asset == NULL) {
        http_respond_error(request, 404, "NotFoundError", "There is nothing here.");
        return;
    }
    http_add_header(request, "Content-Security-Policy", PAGE_POLICY);
    http_add_header(request, "Referrer-Policy", "no-referrer");
    http_add_header(request, "Cache-Control", "no-cache");
    http_respond(request, 200, asset->content_type, asset->data, asset->size);
}

static void get_example(const struct http_site *site, struct http_request *request)
{
    (void)site;
    respond_page(request, "example.html");
}

static void get_asset(const struct http_site *site, struct http_request *request)
{
    (void)site;
    respond_page(request, http_path(request) + strlen("/assets/"));
}

static void get_root(const struct http_site *site, struct http_request *request)
{
    (void)site;
    http_add_header(request, "Location", "/example");
    http_respond(request, 302, NULL, "", 0);
}

static const struct route {
    const char *method;
    const char *path; /* one that ends with '/' and is longer stands for all below it */
    void (*handle)(const struct http_site *site, struct http_request *request);
} routes[] = {
    { "POST", "/signup", http_accounts_sign_up },
    { "POST", "/login", http_accounts_log_in },
    { "GET", "/exit", http_accounts_exit },
    { "POST", "/upload-image", http_images_upload },
    { "GET", "/img/", http_images_get },
    { "GET", "/example", get_example },
    { "GET", "/assets/", get_asset },
    { "GET", "/healthz", http_probes_live },
    { "GET", "/readyz", http_probes_ready },
    { "GET", "/", get_root },
};
enum { ROUTES = sizeof(routes) / sizeof(routes[0]) };

static bool route_matches(const struct route *route, const char *path)
{
    size_t length = strlen(route->path);

    if (length > 1 && route->path[length - 1] == '/')
        return strncmp(path, route->path, length) == 0;
    return strcmp(path, route->path) == 0;
}

static const struct route *find_route(const char *path)
{
    for (size_t i = 0; i < ROUTES; i++)
        if (route_matches(&routes[i], path))
            return &routes[i];
    return NULL;
}

/* One origin, with credentials; never a wildcard. */
static void add_cors(const struct http_site *site, struct http_request *request)
{
    if (site->settings->client_url[0] == '\0')
        return;
    http_add_header(request, "Access-Control-Allow-Origin", site->settings->client_url);
    http_add_header(request, "Access-Control-Allow-Credentials", "true");
    http_add_header(request, "Vary", "Origin");
}

static void respond_preflight(struct http_request *request, const struct route *route)
{
    char methods[32];

    snprintf(methods, sizeof(methods), "OPTIONS, %s", route->method);
    http_add_header(request, "Access-Control-Allow-Methods", methods);
    http_add_header(request, "Access-Control-Allow-Headers", "Content-Type, Authorization");
    http_add_header(request, "Access-Control-Max-Age", "600");
    http_add_header(request, "Allow", methods);
    http_respond(request, 204, NULL, "", 0);
}

void http_routes_handle(void *ctx, struct http_request *request)
{
    const struct http_site *site = ctx;
    const char *method = http_method(request);
    const struct route *route = find_route(http_path(request));

    add_cors(site, request);
    if (route == NULL) {
        http_respond_error(request, 404, "NotFoundError", "There is nothing here.");
    } else if (strcmp(method, "OPTIONS") == 0) {
        respond_preflight(request, route);
    } else if (strcmp(method, route->method) == 0 ||
               (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0)) {
        route->handle(site, request);
    } else {
        http_add_header(request, "Allow", route->method);
        http_respond_error(request, 405, "MethodNotAllowedError",
                           "This path is not for this method.");
    }
}
