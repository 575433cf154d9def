#ifndef USER_MAIL_MAILS_H
#define USER_MAIL_MAILS_H

#include "services/user/mail/mailer.h"
#include "services/user/user_service.h"

/*
 * The mails of the messenger: whether one is sent, and what it contains. They are composed on the
 * mailer's thread, so that a call that asks for one takes the same time and gets the same answer
 * whether an account has the address or not.
 *
 * To an address limits.mailsPerAccount are sent an hour that a client network asks for, and
 * MAILS_NETWORKS times as many in all, over all instances: further ones are dropped. Resets and
 * sign-ups count apart. So a client that asks for mails to somebody else's address does not use up
 * those that its owner needs, while nobody's mailbox is flooded.
 */
enum { MAILS_RESET_LIFETIME_S = 60 * 60, MAILS_NETWORKS = 4 };

/* Of a mailer (mailer.h) whose context is a struct user_service. */
mailer_compose mails_compose;

/* What follows a sign-up that waits for its proof (proofs.h), by its secret: a link to prove the
 * address; or, when it has an account already, the news that somebody tried, and the sign-up ends.
 */
void mails_request_proof(struct user_service *service, const char *secret,
                         const struct client_network *network);

/* A link with which the owner of the account with this address chooses a new password. Sent when
 * there is such an account, which is not disabled. It replaces the link of an earlier mail. */
void mails_request_reset(struct user_service *service, const char *email_key,
                         const struct client_network *network);

#endif
