#ifndef GATEWAY_HTTP_ASSETS_H
#define GATEWAY_HTTP_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/http/accept_encoding.h"

/*
 * The files below gateway/www, linked into the program. make_assets.sh makes the table from what
 * there is.
 */

/* The bytes of a file in one coding; without data where that would not be smaller. */
struct asset_form {
    const unsigned char *data;
    size_t size;
    const char *etag; /* strong, with its quotes */
};

struct asset {
    const char *name; /* the path below gateway/www */
    const char *content_type;
    struct asset_form forms[CODINGS]; /* CODING_IDENTITY always has data */
};

/* NULL when there is no such file. */
const struct asset *assets_find(const char *name);

/*
 * The name of a file in what follows "/assets/" in a path: "<hash>/<name>" or "<name>". The hash,
 * 16 hex digits, is of all files, with their names: `is_fixed_out` is true when it is that of this
 * program, so that the address will never have other content. That of another version is skipped.
 */
const char *assets_name(const char *path, bool *is_fixed_out);

/* The codings in which the file is there, as accept_encoding_choose takes them. */
unsigned assets_codings(const struct asset *asset);

/* For assets.c: what make_assets.sh has made. */
struct assets {
    const char *hash;
    const struct asset *files;
    size_t count;
};
extern const struct assets assets_made;

#endif
