#ifndef USER_MAIL_MAILER_H
#define USER_MAIL_MAILER_H

#include <stdbool.h>
#include <stdint.h>

#include "services/common/base/status.h"
#include "services/common/process/mail_settings.h"
#include "services/user/login/client_network.h"
#include "services/user/store/user_data.h"

/*
 * Sends mails on a thread of its own. Nobody waits for it, and nobody is informed of what becomes
 * of a mail: a caller can learn neither whether one is sent nor how long that takes.
 *
 * At most MAILER_PENDING_MAX mails wait; a further one is dropped, with a warning in the log. A
 * mail that the SMTP server cannot take at present (smtp.h) is tried again after pauses of 2 s,
 * doubled up to 5 minutes, while it is of use; so is one that cannot be composed because the store
 * does not answer. Mails that wait when the process ends are lost.
 */
struct mailer;

enum {
    MAILER_PENDING_MAX = 512,
    MAILER_TRIES_MAX = 16,
    MAILER_STOP_MS = 3000,              /* how long a stop waits for the mails that are due */
    MAILER_COMPOSE_MS = 60 * 60 * 1000, /* how long a mail may wait to be composed */
    MAILER_CODE_SIZE = 33,
};

/* What a mail is to be about: what its composer needs, and nothing that has to be looked up. */
struct mail_wish {
    int kind;                          /* the composer's own */
    char email[USER_EMAIL_SIZE];       /* or the key of one */
    char code[MAILER_CODE_SIZE];       /* "": none */
    char network[CLIENT_NETWORK_SIZE]; /* of the client that asked, or "" */
};

/* A mail, composed; freed by the mailer. */
struct mail {
    char to[USER_EMAIL_SIZE];
    char *subject, *text; /* as of struct mail_message */
    int64_t expires_at_s; /* of the wall clock: it is of no use from then on */
};

/*
 * Composes a mail, on the mailer's thread; `mail_out` is zeroed. STATUS_OK: send it.
 * STATUS_UNAVAILABLE, STATUS_BUSY: to be asked again later. Any other status: there is none to
 * send, which is nothing unusual.
 */
typedef enum status mailer_compose(void *ctx, const struct mail_wish *wish, struct mail *mail_out);

/* `settings` are borrowed. STATUS_INVALID_ARGUMENT, logged, when mail.caFile cannot be read. */
enum status mailer_start(const struct mail_settings *settings, mailer_compose *compose, void *ctx,
                         struct mailer **mailer_out) MUST_CHECK;

/* Sends what is due, for at most MAILER_STOP_MS. NULL is allowed. */
void mailer_stop(struct mailer **mailer);

/* Does not block. From any thread. */
void mailer_enqueue(struct mailer *mailer, const struct mail_wish *wish);

#endif
