#ifndef GATEWAY_HTTP_HTTP_CIVETWEB_H
#define GATEWAY_HTTP_HTTP_CIVETWEB_H

/* Shared by http_server.c and http_request.c, the only files that know the library. */

#include <stdbool.h>

#include <civetweb.h>

#include "services/common/base/buffer.h"

struct http_request {
    struct mg_connection *conn;
    const struct mg_request_info *info;
    struct buffer headers; /* of the answer */
    bool answered;
    bool unread; /* part of the body may be unread: close after the answer */
};

#endif
