#ifndef USER_USER_SERVICE_H
#define USER_USER_SERVICE_H

#include "services/common/bus/bus.h"
#include "services/user/announcer.h"
#include "services/user/audit/audit_log.h"
#include "services/user/login/login_guard.h"
#include "services/user/login/password.h"
#include "services/user/store/user_store.h"

struct mailer;

enum registration_mode { REGISTRATION_OPEN, REGISTRATION_INVITE, REGISTRATION_CLOSED };

/* The context of this service's handlers. */
struct user_service {
    struct bus *bus;
    struct user_store *store;
    char *store_url; /* owned */
    int64_t
        low_disk_bytes; /* with less free space for the store, no pictures are accepted; 0: never */
    struct announcer *announcer;
    struct audit_log *audit;
    struct login_guard *guard;
    struct password_cost cost;
    size_t password_min;
    int64_t token_lifetime_s; /* JWT.expiresIn */
    enum registration_mode registration;
    const char *reserved_tags; /* separated by commas; borrowed */
    bool proves_email;         /* an account begins with the proof of its address */
    int64_t invites_per_user, invite_lifetime_s;
    struct mailer *mailer;           /* NULL: no mail is sent */
    int64_t mails_per_account;       /* an hour; 0: no limit */
    const char *app_url;             /* of the links in mails; borrowed */
    char decoy_hash[USER_HASH_SIZE]; /* verified when the e-mail is unknown, so that both cases take
                                        the same time */
};

#endif
