#ifndef GATEWAY_HTTP_HTTP_CIVETWEB_H
#define GATEWAY_HTTP_HTTP_CIVETWEB_H

/* For http_workers.c, the only file that knows the library. */

#include <civetweb.h>

#endif
