#include "services/user/audit/audit_kinds.h"

#include <string.h>

static const char *const kinds[AUDIT_KINDS] = {
    [AUDIT_LOG_IN] = "log_in",
    [AUDIT_LOG_IN_FAILED] = "log_in_failed",
    [AUDIT_LOG_IN_LIMITED] = "log_in_limited",
    [AUDIT_LOG_OUT] = "log_out",
    [AUDIT_SIGN_UP] = "sign_up",
    [AUDIT_PASSWORD_CHANGED] = "password_changed",
    [AUDIT_PASSWORD_CHANGE_FAILED] = "password_change_failed",
    [AUDIT_RESET_LINK_CREATED] = "reset_link_created",
    [AUDIT_RESET_LINK_USED] = "reset_link_used",
    [AUDIT_RESET_MAIL_REQUESTED] = "reset_mail_requested",
    [AUDIT_RESET_MAIL_USED] = "reset_mail_used",
    [AUDIT_SESSION_REVOKED] = "session_revoked",
    [AUDIT_OTHER_SESSIONS_REVOKED] = "other_sessions_revoked",
    [AUDIT_ALL_SESSIONS_REVOKED] = "all_sessions_revoked",
    [AUDIT_ACCOUNT_DISABLED] = "account_disabled",
    [AUDIT_ACCOUNT_ENABLED] = "account_enabled",
    [AUDIT_ACCOUNT_DELETED] = "account_deleted",
    [AUDIT_ACCOUNT_DELETION_FAILED] = "account_deletion_failed",
    [AUDIT_INVITE_CREATED] = "invite_created",
    [AUDIT_INVITE_USED] = "invite_used",
    [AUDIT_INVITE_REVOKED] = "invite_revoked",
    [AUDIT_ENTRIES_DROPPED] = "entries_dropped",
};

static const char *const outcomes[AUDIT_OUTCOMES] = {
    [AUDIT_OK] = "ok",
    [AUDIT_UNKNOWN_NAME] = "unknown_name",
    [AUDIT_WRONG_PASSWORD] = "wrong_password",
    [AUDIT_DISABLED] = "disabled",
    [AUDIT_LIMITED] = "limited",
    [AUDIT_NOT_SENT] = "not_sent",
};

static const char *const actors[AUDIT_ACTORS] = {
    [AUDIT_BY_ANYBODY] = "",
    [AUDIT_BY_USER] = "user",
    [AUDIT_BY_ADMINISTRATOR] = "administrator",
};

const char *audit_kinds_word(enum audit_kind kind)
{
    return kinds[kind];
}

const char *audit_kinds_outcome(enum audit_outcome outcome)
{
    return outcomes[outcome];
}

const char *audit_kinds_actor(enum audit_actor actor)
{
    return actors[actor];
}

bool audit_kinds_has(const char *word)
{
    for (size_t i = 0; i < AUDIT_KINDS; i++)
        if (strcmp(kinds[i], word) == 0)
            return true;
    return false;
}

enum user_audit_share audit_kinds_share(enum audit_actor actor)
{
    switch (actor) {
    case AUDIT_BY_USER:
        return USER_AUDIT_USERS;
    case AUDIT_BY_ADMINISTRATOR:
        return USER_AUDIT_ADMINISTRATOR;
    default:
        return USER_AUDIT_FAILURES;
    }
}
