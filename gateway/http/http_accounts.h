#ifndef GATEWAY_HTTP_HTTP_ACCOUNTS_H
#define GATEWAY_HTTP_HTTP_ACCOUNTS_H

#include <stdbool.h>

struct http_request;
struct http_site;

/* Before the body is read; must not block. False: the request has been answered. */
bool http_accounts_admit_sign_up(const struct http_site *site, struct http_request *request);
bool http_accounts_admit_log_in(const struct http_site *site, struct http_request *request);
bool http_accounts_admit_exit(const struct http_site *site, struct http_request *request);
bool http_accounts_admit_renewal(const struct http_site *site, struct http_request *request);

/* GET /registration, POST /signup, POST /prove, POST /login, POST and GET /exit, POST /renew. */
void http_accounts_registration(const struct http_site *site, struct http_request *request);
void http_accounts_sign_up(const struct http_site *site, struct http_request *request);
void http_accounts_prove(const struct http_site *site, struct http_request *request);
void http_accounts_log_in(const struct http_site *site, struct http_request *request);
void http_accounts_exit(const struct http_site *site, struct http_request *request);
void http_accounts_renew(const struct http_site *site, struct http_request *request);

#endif
