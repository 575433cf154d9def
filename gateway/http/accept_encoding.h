#ifndef GATEWAY_HTTP_ACCEPT_ENCODING_H
#define GATEWAY_HTTP_ACCEPT_ENCODING_H

#include <stddef.h>

/* The content coding that a client prefers (RFC 9110 section 12.5.3). Pure. */

enum content_coding { CODING_IDENTITY, CODING_GZIP, CODING_BR, CODINGS };

/*
 * The coding to answer with, of those of which bit 1 << coding is set in `available`: the one with
 * the highest weight, of equal ones br, then gzip, then identity. Identity, which is always
 * available, also when the client excludes it but accepts nothing else that there is: an answer
 * helps more than 406.
 *
 * `values` are those of the fields Accept-Encoding, whose lists count as one. A weight of 0
 * excludes a coding. Unknown codings and malformed elements are ignored; of an element that is
 * repeated, the first counts. Without any field: identity.
 */
enum content_coding accept_encoding_choose(const char *const *values, size_t count,
                                           unsigned available);

#endif
