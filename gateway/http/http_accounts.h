#ifndef GATEWAY_HTTP_HTTP_ACCOUNTS_H
#define GATEWAY_HTTP_HTTP_ACCOUNTS_H

struct http_request;
struct http_site;

/* POST /signup, POST /login, GET /exit. */
void http_accounts_sign_up(const struct http_site *site, struct http_request *request);
void http_accounts_log_in(const struct http_site *site, struct http_request *request);
void http_accounts_exit(const struct http_site *site, struct http_request *request);

#endif
