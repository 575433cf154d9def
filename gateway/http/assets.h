#ifndef GATEWAY_HTTP_ASSETS_H
#define GATEWAY_HTTP_ASSETS_H

#include <stddef.h>

/* The files of gateway/www, linked into the program. */
struct asset {
    const char *name;
    const char *content_type;
    const unsigned char *data;
    size_t size;
};

/* NULL when there is no such file. */
const struct asset *assets_find(const char *name);

#endif
