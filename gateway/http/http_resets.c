#include "gateway/http/http_resets.h"

#include "common.pb-c.h"
#include "gateway/http/http_answers.h"
#include "gateway/http/http_client.h"
#include "gateway/http/http_forms.h"
#include "gateway/http/http_request.h"
#include "gateway/http/http_site.h"
#include "services/common/base/json.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

/* --- the mail ------------------------------------------------------------------------------ */

bool http_resets_admit_forgot(const struct http_site *site, struct http_request *request)
{
    return http_forms_admit(site, request, site->mails);
}

/* The same answer whether a mail is sent or not: nobody learns which addresses have accounts. */
static void request_mail(const struct http_site *site, struct http_request *request,
                         const char *email)
{
    Messenger__RequestResetRequest wanted = MESSENGER__REQUEST_RESET_REQUEST__INIT;
    char network[CLIENT_ADDRESS_SIZE];
    Messenger__Empty *reply = NULL;
    struct rpc_context context;
    struct rpc_error error;

    http_client_network(site, request, network);
    wanted.email = wire_borrow(email);
    wanted.client_network = network;
    rpc_context_start(&context, site->settings->rpc_timeout_ms);
    enum status status = rpc_call(site->bus, &context, "user.RequestReset", &wanted.base,
                                  &messenger__empty__descriptor, &reply, &error);
    wire_free(reply);
    if (status == STATUS_OK)
        http_answers_text(request, "If the address has an account, a message was sent.");
    else if (status == STATUS_INVALID_ARGUMENT)
        http_respond_error(request, 400, "IncorrectDataError", error.reason);
    else if (status == STATUS_FORBIDDEN)
        http_respond_error(request, 501, "MailNotConfiguredError",
                           "No mail is sent here: ask the administrator for a new password.");
    else
        http_answers_call_failed(request, &context, "user.RequestReset", status);
}

void http_resets_forgot(const struct http_site *site, struct http_request *request)
{
    static const char *const names[] = { "email" };
    const char *email, *bad;
    struct json *root = http_forms_read(request);

    if (root == NULL)
        return;
    enum http_forms_result result = http_forms_fields(root, names, 1, &email, &bad);
    if (result == HTTP_FORMS_OK)
        request_mail(site, request, email);
    else
        http_forms_refuse(request, result, "IncorrectDataError", bad);
    json_destroy(&root);
}

/* --- the new password ---------------------------------------------------------------------- */

static void reset(const struct http_site *site, struct http_request *request, const char *code,
                  const char *password)
{
    Messenger__ResetPasswordRequest reset = MESSENGER__RESET_PASSWORD_REQUEST__INIT;
    char network[CLIENT_ADDRESS_SIZE];
    Messenger__Empty *reply = NULL;
    struct rpc_context context;
    struct rpc_error error;

    http_client_network(site, request, network);
    reset.code = wire_borrow(code);
    reset.new_password = wire_borrow(password);
    reset.client_network = network;
    rpc_context_start(&context, site->settings->rpc_timeout_ms);
    enum status status = rpc_call(site->bus, &context, "user.ResetPassword", &reset.base,
                                  &messenger__empty__descriptor, &reply, &error);
    wire_free(reply);
    if (status == STATUS_OK)
        http_answers_text(request, "Reset successful");
    else if (status == STATUS_INVALID_ARGUMENT)
        http_respond_error(request, 400, "IncorrectDataError", error.reason);
    else
        http_answers_call_failed(request, &context, "user.ResetPassword", status);
}

bool http_resets_admit_reset(const struct http_site *site, struct http_request *request)
{
    return http_forms_admit(site, request, site->logins);
}

void http_resets_reset(const struct http_site *site, struct http_request *request)
{
    struct json *root = http_forms_read(request);

    if (root == NULL)
        return;
    const char *code = json_text(json_member(root, "code"));
    const char *password = json_text(json_member(root, "password"));
    if (code != NULL && password != NULL)
        reset(site, request, code, password);
    else
        http_respond_error(request, 400, "IncorrectDataError",
                           code == NULL ? "code: is missing" : "password: is missing");
    json_destroy(&root);
}
