#ifndef GATEWAY_HTTP_HTTP_ORIGIN_H
#define GATEWAY_HTTP_HTTP_ORIGIN_H

#include <stdbool.h>

struct http_request;
struct settings;

/*
 * Web origins (RFC 6454): a scheme, a host and a port. Compared as such: "HTTP://Example.com:80/"
 * and "http://example.com" are equal.
 */
enum { HTTP_ORIGIN_SIZE = 320 };

/* Writes an origin as browsers do: lower case, without the default port. A URL is taken for its
 * origin. False: it is none, for example "null". */
bool http_origin_normalise(const char *text, char out[HTTP_ORIGIN_SIZE]);

/* Whether the header Origin, as a browser has sent it, is that of this server, of `client.url`, or
 * in `webSocket.allowedOrigins`. */
bool http_origin_is_allowed(const struct settings *settings, const struct http_request *request,
                            const char *origin);

/* Whether a request that changes something may come from the page that has sent it: by its Origin,
 * else by its Sec-Fetch-Site. True of clients that are no browsers and send neither. */
bool http_origin_may_act(const struct settings *settings, const struct http_request *request);

#endif
