#ifndef GATEWAY_EDGE_MULTIPART_H
#define GATEWAY_EDGE_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Finds a field of a multipart/form-data body (RFC 7578, RFC 2046 section 5.1) that is complete in
 * memory: any legal boundary, parts in any order, a preamble, an epilogue, no line end behind the
 * last boundary. Pure.
 */
enum { MULTIPART_BOUNDARY_MAX = 70 };

/* The boundary that a Content-Type names, quoted or not. False: it is not multipart/form-data, or
 * the boundary is missing or illegal. */
bool multipart_boundary(const char *content_type, char out[MULTIPART_BOUNDARY_MAX + 1]);

/* Whether a Content-Type is multipart/form-data, with or without a legal boundary. */
bool multipart_is_form(const char *content_type);

/* The data of the first part named `name`, borrowed from the body. False: there is none, or the
 * body ends before its last boundary. */
bool multipart_find(const char *body, size_t length, const char *boundary, const char *name,
                    const char **data_out, size_t *size_out);

#endif
