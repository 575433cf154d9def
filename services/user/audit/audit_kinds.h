#ifndef USER_AUDIT_AUDIT_KINDS_H
#define USER_AUDIT_AUDIT_KINDS_H

#include "services/user/store/user_data.h"

/*
 * The vocabulary of the audit log. The words are stored and shown, so they do not change; people
 * and programs filter by them.
 */
enum audit_kind {
    AUDIT_LOG_IN,
    AUDIT_LOG_IN_FAILED,
    AUDIT_LOG_IN_LIMITED, /* refused without a look at the password */
    AUDIT_LOG_OUT,
    AUDIT_SIGN_UP,
    AUDIT_PASSWORD_CHANGED,
    AUDIT_PASSWORD_CHANGE_FAILED,
    AUDIT_RESET_LINK_CREATED,
    AUDIT_RESET_LINK_USED,
    AUDIT_RESET_MAIL_REQUESTED,
    AUDIT_RESET_MAIL_USED,
    AUDIT_SESSION_REVOKED,
    AUDIT_OTHER_SESSIONS_REVOKED,
    AUDIT_ALL_SESSIONS_REVOKED,
    AUDIT_ACCOUNT_DISABLED,
    AUDIT_ACCOUNT_ENABLED,
    AUDIT_ACCOUNT_DELETED,
    AUDIT_ACCOUNT_DELETION_FAILED,
    AUDIT_INVITE_CREATED,
    AUDIT_INVITE_USED,
    AUDIT_INVITE_REVOKED,
    AUDIT_ENTRIES_DROPPED, /* `count` entries are missing: the queue was full */
    AUDIT_KINDS
};

/* What came of it. */
enum audit_outcome {
    AUDIT_OK,
    AUDIT_UNKNOWN_NAME, /* no account has it; the name itself is not recorded */
    AUDIT_WRONG_PASSWORD,
    AUDIT_DISABLED, /* the password was right */
    AUDIT_LIMITED,  /* too many before it */
    AUDIT_NOT_SENT, /* the mail */
    AUDIT_OUTCOMES
};

/* Who did it. */
enum audit_actor {
    AUDIT_BY_ANYBODY, /* somebody who has not shown to be the account's owner */
    AUDIT_BY_USER,
    AUDIT_BY_ADMINISTRATOR,
    AUDIT_ACTORS
};

const char *audit_kinds_word(enum audit_kind kind);
const char *audit_kinds_outcome(enum audit_outcome outcome);
const char *audit_kinds_actor(enum audit_actor actor); /* "" for anybody */

/* Whether a text is the word of a kind. */
bool audit_kinds_has(const char *word);

/* Which share of the log such entries belong to. */
enum user_audit_share audit_kinds_share(enum audit_actor actor);

#endif
