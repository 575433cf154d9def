#include "services/user/mail/smtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "services/common/base/mail_address.h"
#include "services/common/base/memory.h"

struct smtp {
    const struct mail_settings *settings;
    struct mail_server server;
    smtp_aborts *aborts;
    void *ctx;
    CURL *curl; /* keeps the connection */
};

/* What is under way: it is read from `message`; `answered` bytes have come. */
struct transfer {
    struct smtp *smtp;
    const struct buffer *message;
    size_t read, answered;
};

struct smtp *smtp_create(const struct mail_settings *settings, smtp_aborts *aborts, void *ctx)
{
    struct smtp *smtp = xcalloc(1, sizeof(*smtp));

    smtp->settings = settings;
    mail_settings_server(settings, &smtp->server);
    smtp->aborts = aborts;
    smtp->ctx = ctx;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    smtp->curl = curl_easy_init();
    return smtp;
}

void smtp_destroy(struct smtp **smtp)
{
    if (*smtp == NULL)
        return;
    if ((*smtp)->curl != NULL)
        curl_easy_cleanup((*smtp)->curl);
    curl_global_cleanup();
    free(*smtp);
    *smtp = NULL;
}

/* --- callbacks ----------------------------------------------------------------------------- */

static size_t give_message(char *place, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    size_t left = transfer->message->length - transfer->read;
    size_t given = size * count < left ? size * count : left;

    memcpy(place, transfer->message->data + transfer->read, given);
    transfer->read += given;
    return given;
}

/* A count other than that of the bytes ends the transfer. */
static size_t count_answer(const char *data, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;

    (void)data;
    transfer->answered += size * count;
    return transfer->answered <= SMTP_ANSWERS_MAX ? size * count : 0;
}

static int look(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct smtp *smtp = ((struct transfer *)arg)->smtp;

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return smtp->aborts(smtp->ctx);
}

/* --- options ------------------------------------------------------------------------------- */

/* The path is the name with which the client introduces itself. */
static void set_server(struct smtp *smtp)
{
    const struct mail_server *server = &smtp->server;
    bool is_v6 = strchr(server->host, ':') != NULL, from_start = server->tls == MAIL_TLS_FROM_START;
    char *url = xasprintf("smtp%s://%s%s%s:%lld/%s", from_start ? "s" : "", is_v6 ? "[" : "",
                          server->host, is_v6 ? "]" : "", (long long)server->port,
                          mail_address_domain(smtp->settings->from));

    curl_easy_setopt(smtp->curl, CURLOPT_URL, url);
    curl_easy_setopt(smtp->curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(smtp->curl, CURLOPT_PROXY, ""); /* none of the environment's */
    free(url);
}

static void set_security(struct smtp *smtp)
{
    static const long by_tls[] = {
        [MAIL_TLS_FROM_START] = CURLUSESSL_ALL,
        [MAIL_TLS_REQUIRED] = CURLUSESSL_ALL,
        [MAIL_TLS_IF_OFFERED] = CURLUSESSL_TRY,
        [MAIL_TLS_NOT_NEEDED] = CURLUSESSL_NONE,
    };
    const struct mail_settings *settings = smtp->settings;

    curl_easy_setopt(smtp->curl, CURLOPT_USE_SSL, by_tls[smtp->server.tls]);
    curl_easy_setopt(smtp->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (settings->ca_file[0] != '\0') {
        curl_easy_setopt(smtp->curl, CURLOPT_CAINFO, settings->ca_file);
        curl_easy_setopt(smtp->curl, CURLOPT_CAPATH, NULL);
    }
    if (settings->user[0] != '\0') {
        curl_easy_setopt(smtp->curl, CURLOPT_USERNAME, settings->user);
        curl_easy_setopt(smtp->curl, CURLOPT_PASSWORD, settings->password);
    }
}

static void set_bounds(struct smtp *smtp, struct transfer *transfer)
{
    curl_easy_setopt(smtp->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(smtp->curl, CURLOPT_QUICK_EXIT, 1L); /* does not wait for the resolver */
    curl_easy_setopt(smtp->curl, CURLOPT_TIMEOUT_MS, (long)SMTP_TIMEOUT_MS);
    curl_easy_setopt(smtp->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)SMTP_CONNECT_MS);
    curl_easy_setopt(smtp->curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)SMTP_ANSWER_S);
    curl_easy_setopt(smtp->curl, CURLOPT_HEADERFUNCTION, count_answer);
    curl_easy_setopt(smtp->curl, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(smtp->curl, CURLOPT_WRITEFUNCTION, count_answer);
    curl_easy_setopt(smtp->curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(smtp->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(smtp->curl, CURLOPT_XFERINFOFUNCTION, look);
    curl_easy_setopt(smtp->curl, CURLOPT_XFERINFODATA, transfer);
}

static void set_message(struct smtp *smtp, struct transfer *transfer)
{
    curl_easy_setopt(smtp->curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(smtp->curl, CURLOPT_READFUNCTION, give_message);
    curl_easy_setopt(smtp->curl, CURLOPT_READDATA, transfer);
    curl_easy_setopt(smtp->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->message->length);
    curl_easy_setopt(smtp->curl, CURLOPT_MAIL_FROM, smtp->settings->from);
}

/* --- sending ------------------------------------------------------------------------------- */

/* The last answer of the server decides, if there was one that refuses. */
static enum smtp_outcome outcome_of(CURL *curl, CURLcode result)
{
    long answer = 0;

    if (result == CURLE_OK)
        return SMTP_SENT;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
    if (answer >= 400 && answer < 600)
        return answer < 500 ? SMTP_TRY_LATER : SMTP_REFUSED;
    switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_WRITE_ERROR: /* answers without an end */
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_OUT_OF_MEMORY:
        return SMTP_TRY_LATER;
    default:
        return SMTP_REFUSED;
    }
}

enum smtp_outcome smtp_send(struct smtp *smtp, const char *to, const struct buffer *message,
                            char problem_out[SMTP_PROBLEM_SIZE])
{
    struct transfer transfer = { .smtp = smtp, .message = message };
    struct curl_slist *receivers = curl_slist_append(NULL, to);
    char problem[CURL_ERROR_SIZE] = "";

    snprintf(problem_out, SMTP_PROBLEM_SIZE, "no memory");
    if (smtp->curl == NULL || receivers == NULL)
        return SMTP_TRY_LATER;
    curl_easy_reset(smtp->curl); /* keeps the connection */
    set_server(smtp);
    set_security(smtp);
    set_bounds(smtp, &transfer);
    set_message(smtp, &transfer);
    curl_easy_setopt(smtp->curl, CURLOPT_MAIL_RCPT, receivers);
    curl_easy_setopt(smtp->curl, CURLOPT_ERRORBUFFER, problem);
    CURLcode result = curl_easy_perform(smtp->curl);
    enum smtp_outcome outcome = outcome_of(smtp->curl, result);
    if (transfer.answered > SMTP_ANSWERS_MAX)
        snprintf(problem, sizeof(problem), "the server's answers do not end");
    snprintf(problem_out, SMTP_PROBLEM_SIZE, "%s",
             problem[0] != '\0' ? problem : curl_easy_strerror(result));
    curl_easy_reset(smtp->curl); /* what it has borrowed is about to end */
    curl_slist_free_all(receivers);
    return outcome;
}
