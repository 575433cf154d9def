#ifndef GATEWAY_HTTP_HTTP_FORMS_H
#define GATEWAY_HTTP_HTTP_FORMS_H

#include <stdbool.h>
#include <stddef.h>

struct http_request;
struct http_site;
struct json;
struct ratelimit;

/* Forms: bodies that are JSON objects. */

/* Before the body is read: a client beyond its limit sends it for nothing. False: the request has
 * been answered, as what is no JSON is. */
bool http_forms_admit(const struct http_site *site, struct http_request *request,
                      struct ratelimit *limit);

/* Whether the client is within a limit, whatever it sends. False: the request has been answered. */
bool http_forms_admit_client(const struct http_site *site, struct http_request *request,
                             struct ratelimit *limit);

/* The body, which the caller destroys; NULL: the request has been answered. */
struct json *http_forms_read(struct http_request *request);

enum http_forms_result { HTTP_FORMS_OK, HTTP_FORMS_MISSING, HTTP_FORMS_NOT_TEXT };

/* The named members of {"user":{...}}, borrowed; `bad_out` names the one that is missing or empty,
 * or no text. */
enum http_forms_result http_forms_fields(const struct json *root, const char *const *names,
                                         size_t count, const char **values_out,
                                         const char **bad_out);

/* 400 for such a field. */
void http_forms_refuse(struct http_request *request, enum http_forms_result result,
                       const char *error, const char *field);

#endif
