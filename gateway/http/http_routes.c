#include "gateway/http/http_routes.h"

#include <stdio.h>
#include <string.h>

#include "gateway/http/http_accounts.h"
#include "gateway/http/http_answers.h"
#include "gateway/http/http_client.h"
#include "gateway/http/http_handshake.h"
#include "gateway/http/http_images.h"
#include "gateway/http/http_origin.h"
#include "gateway/http/http_pages.h"
#include "gateway/http/http_probes.h"
#include "gateway/http/http_request.h"
#include "gateway/http/http_resets.h"
#include "gateway/http/http_site.h"

#define UPLOAD_PATH "/upload-image"

/* --- the table --------------------------------------------------------------------------- */

static const struct route {
    const char *methods; /* separated by commas; GET includes HEAD */
    const char *path;    /* one that ends with '/' and is longer stands for all below it */
    enum http_next next;
    /* Before the body is read; must not block. False: it has answered. NULL: yes. */
    bool (*admit)(const struct http_site *site, struct http_request *request);
    void (*handle)(const struct http_site *site, struct http_request *request);
} routes[] = {
    { "POST", "/signup", HTTP_NEXT_WORKER, http_accounts_admit_sign_up, http_accounts_sign_up },
    { "POST", "/prove", HTTP_NEXT_WORKER, http_accounts_admit_log_in, http_accounts_prove },
    { "POST", "/login", HTTP_NEXT_WORKER, http_accounts_admit_log_in, http_accounts_log_in },
    { "GET, POST", "/exit", HTTP_NEXT_WORKER, http_accounts_admit_exit, http_accounts_exit },
    { "POST", "/renew", HTTP_NEXT_WORKER, http_accounts_admit_renewal, http_accounts_renew },
    { "POST", "/forgot", HTTP_NEXT_WORKER, http_resets_admit_forgot, http_resets_forgot },
    { "POST", "/reset", HTTP_NEXT_WORKER, http_resets_admit_reset, http_resets_reset },
    { "GET", "/registration", HTTP_NEXT_QUICK, NULL, http_accounts_registration },
    { "POST", UPLOAD_PATH, HTTP_NEXT_ASK, NULL, http_images_upload },
    { "GET", "/img/", HTTP_NEXT_WORKER, NULL, http_images_get },
    { "GET", "/example", HTTP_NEXT_QUICK, NULL, http_pages_example },
    { "GET", HTTP_PAGES_ASSETS, HTTP_NEXT_QUICK, NULL, http_pages_asset },
    { "GET", "/healthz", HTTP_NEXT_QUICK, NULL, http_probes_live },
    { "GET", "/readyz", HTTP_NEXT_WORKER, NULL, http_probes_ready },
    { "GET", "/", HTTP_NEXT_QUICK, NULL, http_pages_client },
    { "GET", "/sw.js", HTTP_NEXT_QUICK, NULL, http_pages_worker },
    { "GET", "/manifest.webmanifest", HTTP_NEXT_QUICK, NULL, http_pages_manifest },
    { "GET", "/favicon.ico", HTTP_NEXT_QUICK, NULL, http_pages_icon },
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

static bool has_method(const char *methods, const char *method)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    size_t length = strlen(wanted);

    for (const char *at = methods; at != NULL; at = strchr(at, ',')) {
        at += strspn(at, ", ");
        if (strncmp(at, wanted, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

/* --- before the body --------------------------------------------------------------------- */

/* One origin, with credentials; never a wildcard. */
static void add_cors(const struct http_site *site, struct http_request *request)
{
    char origin[HTTP_ORIGIN_SIZE];

    if (!http_origin_normalise(site->settings->client_url, origin))
        return;
    http_add_header(request, "Access-Control-Allow-Origin", origin);
    http_add_header(request, "Access-Control-Allow-Credentials", "true");
    http_add_vary(request, "Origin");
}

enum http_next http_routes_begin(void *ctx, struct http_request *request)
{
    const struct http_site *site = ctx;
    const struct route *route = find_route(http_path(request));

    if (!http_client_take_place(site, request)) {
        http_answers_too_many(request, "TooManyConnectionsError", 1000);
        return HTTP_NEXT_NOTHING;
    }
    add_cors(site, request);
    if (route == NULL || !has_method(route->methods, http_method(request)))
        return HTTP_NEXT_QUICK; /* an error, or OPTIONS */
    if (route->admit != NULL && !http_handshake_is_wanted(request) && !route->admit(site, request))
        return HTTP_NEXT_NOTHING;
    return route->next;
}

/* --- the whole request ------------------------------------------------------------------- */

static void respond_options(struct http_request *request, const char *methods)
{
    char allowed[64];

    snprintf(allowed, sizeof(allowed), "OPTIONS, %s", methods);
    http_add_header(request, "Access-Control-Allow-Methods", allowed);
    http_add_header(request, "Access-Control-Allow-Headers", "Content-Type, Authorization");
    http_add_header(request, "Access-Control-Max-Age", "600");
    http_add_header(request, "Allow", allowed);
    http_respond(request, 204, NULL, "", 0);
}

static void respond_wrong_path(const struct http_site *site, struct http_request *request)
{
    if (strcmp(http_path(request), "*") == 0) /* RFC 9110 section 9.3.7 */
        respond_options(request, "GET, HEAD, POST");
    else if (strcmp(http_path(request), site->settings->websocket_path) == 0)
        http_handshake_require(request);
    else
        http_respond_error(request, 404, "NotFoundError", "There is nothing here.");
}

void http_routes_handle(void *ctx, struct http_request *request)
{
    const struct http_site *site = ctx;
    const char *method = http_method(request);
    const struct route *route = find_route(http_path(request));

    if (route == NULL) {
        respond_wrong_path(site, request);
    } else if (strcmp(method, "OPTIONS") == 0) {
        respond_options(request, route->methods);
    } else if (has_method(route->methods, method)) {
        route->handle(site, request);
    } else {
        http_add_header(request, "Allow", route->methods);
        http_respond_error(request, 405, "MethodNotAllowedError",
                           "This path is not for this method.");
    }
}

/* --- requests that are refused ----------------------------------------------------------- */

void http_routes_refuse(void *ctx, struct http_request *request, int status)
{
    static const struct {
        int status;
        const char *name, *message;
    } errors[] = {
        { 408, "RequestTimeoutError", "The request did not arrive in time." },
        { 413, "PayloadTooLargeError", "The body is over 64 KiB." },
        { 414, "UriTooLongError", "The request line is over 8 KiB." },
        { 431, "HeaderTooLargeError", "The header is over 8 KiB or 64 fields." },
        { 501, "NotImplementedError", "The only transfer coding is chunked." },
        { 505, "VersionError", "This is a server of HTTP/1.1." },
        { 400, "BadRequestError", "This is not an HTTP/1.1 request without ambiguity." },
    };
    size_t i = 0;

    (void)ctx;
    if (status == 503) {
        http_answers_unavailable(request);
    } else if (status == 413 && strcmp(http_path(request), UPLOAD_PATH) == 0) {
        http_images_too_large(request);
    } else {
        while (errors[i].status != status && errors[i].status != 400)
            i++;
        http_respond_error(request, status, errors[i].name, errors[i].message);
    }
}

void http_routes_end(void *ctx, struct http_request *request)
{
    http_client_leave_place(ctx, request);
}
