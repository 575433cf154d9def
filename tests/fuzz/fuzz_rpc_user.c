/*
 * Each method of rpc.user.* and rpc.admin.*, as it arrives from the bus, behind a store double. The
 * first byte of an input selects the service's method, the settings are choices, too.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "admin.pb-c.h"
#include "common.pb-c.h"
#include "services/common/base/buffer.h"
#include "services/common/base/log.h"
#include "services/user/handlers.h"
#include "services/user/handlers_accounts.h"
#include "services/user/handlers_admin.h"
#include "services/user/mail/mail_message.h"
#include "services/user/mail/mails.h"
#include "tests/fuzz/double_bus.h"
#include "tests/fuzz/double_user_store.h"
#include "tests/fuzz/rpc_drive.h"
#include "user.pb-c.h"

enum { ADMIN = 128 }; /* of the first byte: the other table */

static const struct rpc_drive_reply user_replies[] = {
    { "Register", &messenger__account__descriptor },
    { "ProveEmail", &messenger__account__descriptor },
    { "Authenticate", &messenger__account__descriptor },
    { "GetUsers", &messenger__user_list__descriptor },
    { "FindUsers", &messenger__user_list__descriptor },
    { "UpdateProfile", &messenger__user__descriptor },
    { "PutImage", &messenger__empty__descriptor },
    { "GetImage", &messenger__image__descriptor },
    { "RevokeToken", &messenger__empty__descriptor },
    { "CheckToken", &messenger__check_token_reply__descriptor },
    { "RenewToken", &messenger__check_token_reply__descriptor },
    { "FindRevoked", &messenger__revoked_tokens__descriptor },
    { "GetAccount", &messenger__account__descriptor },
    { "ListSessions", &messenger__session_list__descriptor },
    { "EndSession", &messenger__empty__descriptor },
    { "EndOtherSessions", &messenger__empty__descriptor },
    { "ChangePassword", &messenger__empty__descriptor },
    { "ResetPassword", &messenger__empty__descriptor },
    { "RequestReset", &messenger__empty__descriptor },
    { "CreateInvite", &messenger__one_time_code__descriptor },
    { "ListInvites", &messenger__invite_list__descriptor },
    { "RevokeInvite", &messenger__empty__descriptor },
    { "DeleteAccount", &messenger__empty__descriptor },
    { "ListOwnAudit", &messenger__audit_entries__descriptor },
};

static const struct rpc_drive_reply admin_replies[] = {
    { "ListUsers", &messenger__user_records__descriptor },
    { "GetUser", &messenger__user_details__descriptor },
    { "SetDisabled", &messenger__empty__descriptor },
    { "EndUserSessions", &messenger__empty__descriptor },
    { "CreateReset", &messenger__one_time_code__descriptor },
    { "MakeInvite", &messenger__one_time_code__descriptor },
    { "ListAllInvites", &messenger__invite_list__descriptor },
    { "DropInvite", &messenger__empty__descriptor },
    { "DeleteUser", &messenger__empty__descriptor },
    { "ListAudit", &messenger__audit_entries__descriptor },
};

/* --- doubles of what else the service has --------------------------------------------------- */

static struct user_service *service;

/* In place of mailer.c: a mail is composed at once, and thrown away. */
void mailer_enqueue(struct mailer *mailer, const struct mail_wish *wish)
{
    struct mail mail = { .subject = NULL };
    struct buffer out = { 0 };

    assert(mailer == service->mailer);
    if (mails_compose(service, wish, &mail) == STATUS_OK) {
        struct mail_message message = {
            "messenger@example.com", mail.to, mail.subject, mail.text, "id", 1
        };
        assert(mail_message_write(&message, &out) == STATUS_OK);
    }
    buffer_finish(&out);
    free(mail.subject);
    free(mail.text);
}

/* In place of announcer.c, whose thread would use the store. */
void announcer_kick(struct announcer *announcer)
{
    assert(announcer == NULL);
}

/* --- the service ---------------------------------------------------------------------------- */

static struct user_service *make_service(void)
{
    static struct user_service made;
    static char hash[USER_HASH_SIZE];
    static struct password_cost cheap = { 8, 1 };

    log_init("fuzz", LOG_LEVEL_NONE);
    assert(password_hash(&cheap, DOUBLE_USER_STORE_PASSWORD, hash, sizeof(hash)));
    made.bus = double_bus();
    made.store = double_user_store(hash);
    made.cost = cheap;
    made.password_min = 8;
    made.token_lifetime_s = 3600;
    made.reserved_tags = "admin, root";
    made.invite_lifetime_s = 3600;
    made.mails_per_account = 5;
    made.app_url = "https://example.com/";
    memcpy(made.decoy_hash, hash, sizeof(hash));
    return &made;
}

/* What an operator can configure. */
static void choose_settings(void)
{
    static char mailer;
    unsigned byte = choices_byte();

    service->registration = (enum registration_mode)(byte % 3);
    service->proves_email = byte / 4 % 2 != 0;
    service->mailer = byte / 4 % 4 != 0 ? (struct mailer *)(void *)&mailer : NULL;
    service->invites_per_user = byte / 16 % 4;
    service->audit = audit_log_start(&(struct audit_log_options){
        .store = service->store, .keep_days = byte % 8 == 7 ? 0 : 90, .max_entries = 1000 });
    service->guard = login_guard_create(&(struct login_guard_options){
        .store = service->store,
        .per_account = byte / 64 != 0 ? 5 : 0,
        .per_network_hour = byte / 64 != 1 ? 20 : 0,
    });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct rpc_drive user = {
        .service = "user",
        .methods = user_methods,
        .method_count = user_method_count,
        .replies = user_replies,
        .reply_count = sizeof(user_replies) / sizeof(*user_replies),
        .group = handlers_accounts_group,
    };
    const struct rpc_drive admin = {
        .service = "admin",
        .methods = admin_methods,
        .method_count = admin_method_count,
        .replies = admin_replies,
        .reply_count = sizeof(admin_replies) / sizeof(*admin_replies),
    };
    struct choices_input input;

    if (service == NULL)
        service = make_service();
    if (!choices_begin(data, size, &input))
        return 0;
    choose_settings();
    bool is_admin = input.method >= ADMIN;
    input.method %= ADMIN;
    rpc_drive_call(is_admin ? &admin : &user, service, &input);
    login_guard_destroy(&service->guard);
    audit_log_stop(&service->audit);
    return 0;
}
