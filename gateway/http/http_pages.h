#ifndef GATEWAY_HTTP_HTTP_PAGES_H
#define GATEWAY_HTTP_HTTP_PAGES_H

struct http_request;
struct http_site;

/*
 * The files of gateway/www (assets.h): the web client, the demo page, and what they are made of.
 * Those at an address with this program's hash may be kept for ever, all others are asked for anew
 * with their entity tag.
 */

/* The client's page, its service worker (at the top, so that it serves all), its manifest. */
void http_pages_client(const struct http_site *site, struct http_request *request);
void http_pages_worker(const struct http_site *site, struct http_request *request);
void http_pages_manifest(const struct http_site *site, struct http_request *request);
void http_pages_icon(const struct http_site *site, struct http_request *request);

void http_pages_example(const struct http_site *site, struct http_request *request);

/* Whatever is below HTTP_PAGES_ASSETS. */
#define HTTP_PAGES_ASSETS "/assets/"
void http_pages_asset(const struct http_site *site, struct http_request *request);

#endif
