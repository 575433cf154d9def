#include "services/user/mail/mails.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/mail_address.h"
#include "services/common/base/memory.h"
#include "services/user/access/codes.h"
#include "services/user/access/proofs.h"
#include "services/user/login/login_limit.h"

enum mails_kind { MAILS_RESET, MAILS_PROOF };

enum { TRIES_MAX = 100 /* of a counter that others change at the same time */ };

/* --- how many ------------------------------------------------------------------------------ */

/* Counts one of at most `max` an hour. STATUS_LIMITED: it is beyond them. */
static enum status count_mail(struct user_service *service, const struct id *key, int64_t max)
{
    struct login_limit limit = { .max = max };
    enum status status = STATUS_CONFLICT;
    struct failed_logins counter;

    for (int tries = 0; tries < TRIES_MAX && status == STATUS_CONFLICT; tries++) {
        int64_t now_ms = clock_wall_ms();
        status = user_store_get_failed(service->store, key, &counter);
        if (status != STATUS_OK)
            return status;
        if (login_limit_wait_ms(&limit, &counter, now_ms) > 0)
            return STATUS_LIMITED;
        login_limit_add(&limit, &counter, now_ms);
        status = user_store_put_failed(service->store, &counter);
    }
    return status == STATUS_CONFLICT ? STATUS_BUSY : status;
}

/* The keys' first parts are constant, so that no address makes the key of a counter of log-ins; no
 * other part has a space. */
static enum status admit(struct user_service *service, const struct mail_wish *wish,
                         const char *email_key)
{
    int64_t max = service->mails_per_account;
    char *in_all = xasprintf("%d %s", wish->kind, email_key);
    char *by_network = xasprintf("%s %s", in_all, wish->network);
    struct id all = id_from_parts("mail", in_all), one = id_from_parts("mail by", by_network);
    enum status status = STATUS_OK;

    free(by_network);
    free(in_all);
    if (max == 0)
        return STATUS_OK;
    status = count_mail(service, &one, max);
    if (status == STATUS_OK)
        status = count_mail(service, &all, max * MAILS_NETWORKS);
    if (status == STATUS_OK)
        status = user_store_prune_failed(service->store, clock_wall_ms(), LOGIN_GUARD_COUNTERS_MAX);
    return status;
}

/* Whether a mail can and may be sent there. */
static enum status admit_address(struct user_service *service, const struct mail_wish *wish,
                                 const struct user *user)
{
    if (!mail_address_is_valid(user->email)) {
        log_info("a mail is not sent: SMTP knows no such address");
        return STATUS_INVALID_ARGUMENT;
    }
    enum status status = admit(service, wish, user->email_key);
    if (status == STATUS_LIMITED)
        log_info("a mail is not sent: its address has got as many in an hour as are allowed");
    return status;
}

/* --- what they contain --------------------------------------------------------------------- */

/* The page whose address ends with #<part>=<code>; the caller frees it. */
static char *make_link(const struct user_service *service, const char *part, const char *code)
{
    size_t length = strlen(service->app_url);

    while (length > 0 && service->app_url[length - 1] == '/')
        length--;
    return xasprintf("%.*s/#%s=%s", (int)length, service->app_url, part, code);
}

static void write_reset(const struct user_service *service, const struct user *user,
                        const char *code, struct mail *mail)
{
    char *link = make_link(service, "reset", code);

    mail->subject = xasprintf("Choose a new password for %s", user->tag);
    mail->text =
        xasprintf("Somebody, probably you, has asked for a new password for the account\n"
                  "%s at %s\n"
                  "\n"
                  "To choose one, open this link within an hour:\n"
                  "\n"
                  "%s\n"
                  "\n"
                  "It works once, and a later mail replaces it. All devices are logged out\n"
                  "when you use it. If you have not asked for it, do nothing: your password\n"
                  "stays as it is.\n",
                  user->tag, service->app_url, link);
    memory_wipe(link, strlen(link));
    free(link);
}

static void write_proof(const struct user_service *service, const struct user *user,
                        const char *code, struct mail *mail)
{
    char *link = make_link(service, "prove", code);

    mail->subject = xasprintf("Confirm your e-mail address for %s", user->tag);
    mail->text =
        xasprintf("Somebody, probably you, has signed up with this e-mail address as\n"
                  "%s at %s\n"
                  "\n"
                  "To confirm the address, open this link within a day, and enter the\n"
                  "password that was chosen at the sign-up:\n"
                  "\n"
                  "%s\n"
                  "\n"
                  "If it was not you, do nothing: there is no account until the address is\n"
                  "confirmed.\n",
                  user->tag, service->app_url, link);
    memory_wipe(link, strlen(link));
    free(link);
}

static void write_taken(const struct user_service *service, const struct user *user,
                        struct mail *mail)
{
    mail->subject = xasprintf("Your address has an account already: %s", user->tag);
    mail->text = xasprintf("Somebody, probably you, has tried to sign up with this e-mail address\n"
                           "at %s\n"
                           "\n"
                           "It has an account there already: %s. Log in with it, or choose a new\n"
                           "password on that page. If it was not you, do nothing: nothing has\n"
                           "changed.\n",
                           service->app_url, user->tag);
}

/* `user` is NULL when no account has the address, which is not recorded. */
static void note_reset(struct user_service *service, const struct mail_wish *wish,
                       const struct user *user, enum status status)
{
    struct audit_event event = { .kind = AUDIT_RESET_MAIL_REQUESTED,
                                 .outcome = AUDIT_NOT_SENT,
                                 .user = user,
                                 .address = wish->network };

    if (status == STATUS_OK)
        event.outcome = AUDIT_OK;
    else if (user == NULL)
        event.outcome = AUDIT_UNKNOWN_NAME;
    else if (status == STATUS_FORBIDDEN)
        event.outcome = AUDIT_DISABLED;
    else if (status == STATUS_LIMITED)
        event.outcome = AUDIT_LIMITED;
    audit_log_note(service->audit, &event);
}

static enum status make_reset(struct user_service *service, const struct mail_wish *wish,
                              const struct user *user, struct mail *mail)
{
    char secret[CODES_SECRET_SIZE];
    struct user_code code;

    enum status status = admit_address(service, wish, user);
    if (status == STATUS_OK)
        status = codes_drop(service, USER_CODE_MAILED_RESET, user);
    if (status == STATUS_OK)
        status = codes_make(service, USER_CODE_MAILED_RESET, user, MAILS_RESET_LIFETIME_S, secret,
                            &code);
    if (status != STATUS_OK)
        return status;
    snprintf(mail->to, sizeof(mail->to), "%s", user->email);
    mail->expires_at_s = code.expires_at_s;
    write_reset(service, user, secret, mail);
    memory_wipe(secret, sizeof(secret));
    return STATUS_OK;
}

/* A store that does not answer is asked again, so it makes no entry. */
static enum status compose_reset(struct user_service *service, const struct mail_wish *wish,
                                 struct mail *mail)
{
    struct user user;

    enum status status = user_store_by_email(service->store, wish->email, &user);
    bool is_known = status == STATUS_OK;
    if (is_known) {
        memory_wipe(user.password_hash, sizeof(user.password_hash));
        status = user.disabled ? STATUS_FORBIDDEN : make_reset(service, wish, &user, mail);
    }
    if (status != STATUS_UNAVAILABLE && status != STATUS_BUSY)
        note_reset(service, wish, is_known ? &user : NULL, status);
    return status;
}

/* `owner` is the account that has the address; NULL: none. */
static enum status compose_sign_up(struct user_service *service, const struct mail_wish *wish,
                                   const struct user_pending *pending, const struct user *owner,
                                   struct mail *mail)
{
    const struct user *user = owner != NULL ? owner : &pending->user;

    enum status status = admit_address(service, wish, user);
    if (status != STATUS_OK)
        return status;
    snprintf(mail->to, sizeof(mail->to), "%s", user->email);
    mail->expires_at_s = pending->expires_at_s;
    if (owner != NULL)
        write_taken(service, owner, mail);
    else
        write_proof(service, user, wish->code, mail);
    return STATUS_OK;
}

/* One who cannot get the code does not need the sign-up either. */
static enum status compose_proof(struct user_service *service, const struct mail_wish *wish,
                                 struct mail *mail)
{
    struct user_pending pending;
    struct user owner = { .tag = "" };

    enum status status = proofs_find(service, wish->code, &pending);
    if (status != STATUS_OK)
        return status;
    status = user_store_by_email(service->store, pending.user.email_key, &owner);
    bool is_taken = status == STATUS_OK;
    if (status == STATUS_OK || status == STATUS_NOT_FOUND)
        status = compose_sign_up(service, wish, &pending, is_taken ? &owner : NULL, mail);
    if (is_taken || status == STATUS_LIMITED || status == STATUS_INVALID_ARGUMENT)
        proofs_end(service, &pending);
    memory_wipe(&pending, sizeof(pending));
    memory_wipe(&owner, sizeof(owner));
    return status;
}

enum status mails_compose(void *ctx, const struct mail_wish *wish, struct mail *mail_out)
{
    struct user_service *service = ctx;

    switch ((enum mails_kind)wish->kind) {
    case MAILS_RESET:
        return compose_reset(service, wish, mail_out);
    case MAILS_PROOF:
        return compose_proof(service, wish, mail_out);
    }
    return STATUS_INTERNAL;
}

/* --- asking for them ----------------------------------------------------------------------- */

void mails_request_reset(struct user_service *service, const char *email_key,
                         const struct client_network *network)
{
    struct mail_wish wish = { .kind = MAILS_RESET };

    snprintf(wish.email, sizeof(wish.email), "%s", email_key);
    snprintf(wish.network, sizeof(wish.network), "%s", network->name);
    mailer_enqueue(service->mailer, &wish);
}

void mails_request_proof(struct user_service *service, const char *secret,
                         const struct client_network *network)
{
    struct mail_wish wish = { .kind = MAILS_PROOF };

    snprintf(wish.code, sizeof(wish.code), "%s", secret);
    snprintf(wish.network, sizeof(wish.network), "%s", network->name);
    mailer_enqueue(service->mailer, &wish);
    memory_wipe(&wish, sizeof(wish));
}
