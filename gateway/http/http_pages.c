#include "gateway/http/http_pages.h"

#include <stdbool.h>
#include <string.h>

#include "gateway/edge/http_head.h"
#include "gateway/http/assets.h"
#include "gateway/http/http_conditional.h"
#include "gateway/http/http_request.h"

#define CACHE_FOR_EVER "public, max-age=31536000, immutable"
#define CACHE_AND_ASK "no-cache"

/* --- what a page may do (Content Security Policy Level 3, Trusted Types) ------------------ */

#define EVERY_POLICY                                                                               \
    "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'none'; "                \
    "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; "
/* 'self' includes ws: and wss: to the page's own host. */
#define CLIENT_POLICY                                                                              \
    EVERY_POLICY                                                                                   \
    "trusted-types messenger-worker; img-src 'self' data: blob:; connect-src 'self'; "             \
    "manifest-src 'self'; worker-src 'self'"
/* Its visitor chooses the address of the WebSocket. */
#define EXAMPLE_POLICY                                                                             \
    EVERY_POLICY "trusted-types 'none'; img-src 'self' blob:; connect-src 'self' ws: wss:"

static void add_policy(struct http_request *request, const struct asset *asset)
{
    bool is_client = strncmp(asset->name, "client/", strlen("client/")) == 0;

    if (strncmp(asset->content_type, "text/html", strlen("text/html")) != 0)
        return;
    http_add_header(request, "Content-Security-Policy", is_client ? CLIENT_POLICY : EXAMPLE_POLICY);
    http_add_header(request, "Cross-Origin-Opener-Policy", "same-origin");
    http_add_header(request, "Referrer-Policy", "no-referrer");
}

/* --- files ------------------------------------------------------------------------------- */

static enum content_coding choose_coding(const struct http_request *request,
                                         const struct asset *asset)
{
    const char *values[HTTP_HEAD_FIELDS_MAX];
    size_t count = http_header_values(request, "Accept-Encoding", values, HTTP_HEAD_FIELDS_MAX);

    return accept_encoding_choose(values, count, assets_codings(asset));
}

static void respond_asset(struct http_request *request, const char *name, const char *cache_control)
{
    static const char *const names[CODINGS] = { [CODING_GZIP] = "gzip", [CODING_BR] = "br" };
    const struct asset *asset = assets_find(name);

    if (asset == NULL) {
        http_respond_error(request, 404, "NotFoundError", "There is nothing here.");
        return;
    }
    enum content_coding coding = choose_coding(request, asset);
    const struct asset_form *form = &asset->forms[coding];
    if (assets_codings(asset) != 1u << CODING_IDENTITY)
        http_add_vary(request, "Accept-Encoding");
    add_policy(request, asset);
    http_conditional_respond(request, &(struct http_representation){
                                          .content_type = asset->content_type,
                                          .content_encoding = names[coding],
                                          .cache_control = cache_control,
                                          .etag = form->etag,
                                          .data = form->data,
                                          .size = form->size,
                                      });
}

void http_pages_asset(const struct http_site *site, struct http_request *request)
{
    bool is_fixed;
    const char *name = assets_name(http_path(request) + strlen(HTTP_PAGES_ASSETS), &is_fixed);

    (void)site;
    respond_asset(request, name, is_fixed ? CACHE_FOR_EVER : CACHE_AND_ASK);
}

/* --- addresses of their own --------------------------------------------------------------- */

void http_pages_client(const struct http_site *site, struct http_request *request)
{
    (void)site;
    respond_asset(request, "client/index.html", CACHE_AND_ASK);
}

void http_pages_worker(const struct http_site *site, struct http_request *request)
{
    (void)site;
    respond_asset(request, "client/service_worker.js", CACHE_AND_ASK);
}

void http_pages_manifest(const struct http_site *site, struct http_request *request)
{
    (void)site;
    respond_asset(request, "client/manifest.webmanifest", CACHE_AND_ASK);
}

void http_pages_icon(const struct http_site *site, struct http_request *request)
{
    (void)site;
    respond_asset(request, "favicon.svg", CACHE_AND_ASK);
}

void http_pages_example(const struct http_site *site, struct http_request *request)
{
    (void)site;
    respond_asset(request, "example.html", CACHE_AND_ASK);
}
