#ifndef GATEWAY_HTTP_HTTP_IMAGES_H
#define GATEWAY_HTTP_HTTP_IMAGES_H

#include "gateway/gateway.h"

/* POST /upload-image and GET /img/<name>. */
void http_upload_image(struct gateway *gateway, struct http_request *request);
void http_get_image(struct gateway *gateway, struct http_request *request);

#endif
