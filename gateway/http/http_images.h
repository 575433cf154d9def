#ifndef GATEWAY_HTTP_HTTP_IMAGES_H
#define GATEWAY_HTTP_HTTP_IMAGES_H

struct http_request;
struct http_site;

/* POST /upload-image. Called before the body is read, to decide whether it will be; and after. */
void http_images_upload(const struct http_site *site, struct http_request *request);

/* 413, for its body. */
void http_images_too_large(struct http_request *request);

/* GET /img/<name>. */
void http_images_get(const struct http_site *site, struct http_request *request);

#endif
