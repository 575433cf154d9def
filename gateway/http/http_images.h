#ifndef GATEWAY_HTTP_HTTP_IMAGES_H
#define GATEWAY_HTTP_HTTP_IMAGES_H

struct http_request;
struct http_site;

/* POST /upload-image and GET /img/<name>. */
void http_images_upload(const struct http_site *site, struct http_request *request);
void http_images_get(const struct http_site *site, struct http_request *request);

#endif
