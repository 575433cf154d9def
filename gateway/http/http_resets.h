#ifndef GATEWAY_HTTP_HTTP_RESETS_H
#define GATEWAY_HTTP_HTTP_RESETS_H

#include <stdbool.h>

struct http_request;
struct http_site;

/* Routes: a new password by a code, and the mail that contains one. */
bool http_resets_admit_forgot(const struct http_site *site, struct http_request *request);
void http_resets_forgot(const struct http_site *site, struct http_request *request);
bool http_resets_admit_reset(const struct http_site *site, struct http_request *request);
void http_resets_reset(const struct http_site *site, struct http_request *request);

#endif
