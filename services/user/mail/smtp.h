#ifndef USER_MAIL_SMTP_H
#define USER_MAIL_SMTP_H

#include <stdbool.h>

#include "services/common/base/buffer.h"
#include "services/common/process/mail_settings.h"

/*
 * Gives mail to an SMTP server (RFC 5321), by libcurl, over a connection that is kept for the next
 * one. The server may be hostile: a mail takes at most SMTP_TIMEOUT_MS, of which the connection
 * SMTP_CONNECT_MS and each answer SMTP_ANSWER_S, and what the server sends is read up to
 * SMTP_ANSWERS_MAX bytes. One thread at a time.
 */
struct smtp;

enum {
    SMTP_TIMEOUT_MS = 30 * 1000,
    SMTP_CONNECT_MS = 10 * 1000,
    SMTP_ANSWER_S = 15,
    SMTP_ANSWERS_MAX = 64 * 1024,
    SMTP_PROBLEM_SIZE = 256,
};

/* Whether a mail that is being sent is to be given up. Called several times a second. */
typedef bool smtp_aborts(void *ctx);

/* `settings`, with a valid `smtp_url`, are borrowed. Never NULL. */
struct smtp *smtp_create(const struct mail_settings *settings, smtp_aborts *aborts, void *ctx);
void smtp_destroy(struct smtp **smtp);

enum smtp_outcome {
    SMTP_SENT,      /* the server has it */
    SMTP_TRY_LATER, /* it could not be reached, or answered with 4xx */
    SMTP_REFUSED,   /* for ever: 5xx, no TLS, a certificate or log-in that is not accepted */
};

/* `to` is an address (mail_address.h). Why it was not sent is in `problem_out`, for people, without
 * the address. */
enum smtp_outcome smtp_send(struct smtp *smtp, const char *to, const struct buffer *message,
                            char problem_out[SMTP_PROBLEM_SIZE]);

#endif
