#ifndef GATEWAY_HTTP_ENTITY_TAG_H
#define GATEWAY_HTTP_ENTITY_TAG_H

#include <stdbool.h>

/* Entity tags, and the lists of them in If-Match and If-None-Match (RFC 9110 sections 8.8.3 and
 * 13.1). Pure. */

enum entity_tag_comparison {
    ENTITY_TAG_STRONG, /* W/"a" equals nothing */
    ENTITY_TAG_WEAK,   /* W/"a" equals "a" */
};

/*
 * Whether `list`, the value of one field, is "*" or has `tag`: a strong tag with its quotes. The
 * list ends at the first element that is no entity tag, for where the next one begins is unknown.
 */
bool entity_tag_is_listed(const char *list, const char *tag, enum entity_tag_comparison comparison);

#endif
