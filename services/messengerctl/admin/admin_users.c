#include "services/messengerctl/admin/admin_users.h"

#include <stdlib.h>
#include <string.h>

#include "admin.pb-c.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/messengerctl/admin/admin_print.h"
#include "services/messengerctl/console.h"

enum { PAGE = 200 }; /* names of any length fit into one answer */

static bool wants_json(const struct command_line *line)
{
    return (line->options & OPTION_JSON) != 0;
}

/* --- calls on one account ------------------------------------------------------------------- */

/* NAME: an e-mail address, or a tag, to which the '@' is added. The caller frees it. */
static char *name_of(const struct command_line *line)
{
    const char *name = line->words[2];

    return xasprintf("%s%s", strchr(name, '@') == NULL ? "@" : "", name);
}

static char *missing_text(const char *name)
{
    return xasprintf("no account has the tag or e-mail address %s", name);
}

/* Of the user that the command is about. NULL, printed, on failure. */
static Messenger__UserDetails *fetch_details(struct admin_link *link,
                                             const struct command_line *line)
{
    Messenger__GetUserRequest request = MESSENGER__GET_USER_REQUEST__INIT;
    char *name = name_of(line), *missing = missing_text(name);
    struct admin_call call = { "GetUser", &request.base, &messenger__user_details__descriptor,
                               missing };
    Messenger__UserDetails *details;

    request.name = name;
    bool done = admin_link_call(link, &call, &details);
    free(missing);
    free(name);
    if (done && details->record == NULL) {
        console_error("GetUser was answered without an account; are all programs of one version?");
        wire_free(details);
        return NULL;
    }
    return details;
}

bool admin_users_show(struct admin_link *link, const struct command_line *line)
{
    Messenger__UserDetails *details = fetch_details(link, line);

    if (details == NULL)
        return false;
    admin_print_details(wants_json(line), details);
    wire_free(details);
    return true;
}

bool admin_users_sessions(struct admin_link *link, const struct command_line *line)
{
    Messenger__UserDetails *details = fetch_details(link, line);

    if (details == NULL)
        return false;
    admin_print_sessions(wants_json(line), details);
    wire_free(details);
    return true;
}

/* --- changes -------------------------------------------------------------------------------- */

static bool set_disabled(struct admin_link *link, const struct command_line *line, bool disabled)
{
    Messenger__SetDisabledRequest request = MESSENGER__SET_DISABLED_REQUEST__INIT;
    char *name = name_of(line), *missing = missing_text(name);
    struct admin_call call = { "SetDisabled", &request.base, NULL, missing };

    request.name = name;
    request.disabled = disabled;
    bool done = admin_link_do(link, &call);
    if (done)
        console_line(disabled ? "%s is disabled, and its sessions have ended" : "%s is enabled",
                     name);
    free(missing);
    free(name);
    return done;
}

bool admin_users_disable(struct admin_link *link, const struct command_line *line)
{
    return set_disabled(link, line, true);
}

bool admin_users_enable(struct admin_link *link, const struct command_line *line)
{
    return set_disabled(link, line, false);
}

bool admin_users_delete(struct admin_link *link, const struct command_line *line)
{
    Messenger__DeleteUserRequest request = MESSENGER__DELETE_USER_REQUEST__INIT;
    char *name = name_of(line), *missing = missing_text(name);
    struct admin_call call = { "DeleteUser", &request.base, NULL, missing };
    bool done = false;

    request.name = name;
    if ((line->options & OPTION_FORCE) == 0)
        console_error("deletes %s for good, with its messages; --force does it", name);
    else
        done = admin_link_do(link, &call);
    if (done)
        console_line("%s is deleted; what it has left is being erased", name);
    free(missing);
    free(name);
    return done;
}

bool admin_users_logout(struct admin_link *link, const struct command_line *line)
{
    Messenger__EndUserSessionsRequest request = MESSENGER__END_USER_SESSIONS_REQUEST__INIT;
    const char *session = line->words[3];

    if (session != NULL && *session == '\0') { /* to the service, that is all of them */
        console_error("SESSION is empty; without it, all sessions end");
        return false;
    }
    char *name = name_of(line);
    char *missing = session != NULL
                        ? xasprintf("%s has no session %s; see \"user sessions\"", name, session)
                        : missing_text(name);
    struct admin_call call = { "EndUserSessions", &request.base, NULL, missing };

    request.name = name;
    request.session_id = wire_borrow(session != NULL ? session : "");
    bool done = admin_link_do(link, &call);
    if (done)
        console_line(session != NULL ? "the session of %s has ended"
                                     : "all sessions of %s have ended",
                     name);
    free(missing);
    free(name);
    return done;
}

bool admin_users_reset_password(struct admin_link *link, const struct command_line *line)
{
    Messenger__CreateResetRequest request = MESSENGER__CREATE_RESET_REQUEST__INIT;
    char *name = name_of(line), *missing = missing_text(name);
    struct admin_call call = { "CreateReset", &request.base, &messenger__one_time_code__descriptor,
                               missing };
    Messenger__OneTimeCode *reply;
    char until[ADMIN_PRINT_DATE_SIZE];

    request.name = name;
    request.lifetime_s = line->expires_s;
    bool done = admin_link_call(link, &call, &reply);
    if (done) {
        admin_print_end(reply->expires_at, until);
        admin_link_print_address(link, "reset", reply->code);
        console_line("a new password for %s, once, until %s", name, until);
    }
    wire_free(reply);
    free(missing);
    free(name);
    return done;
}

/* --- the list ------------------------------------------------------------------------------- */

/* Frees the former one. */
static Messenger__UserRecords *fetch_page(struct admin_link *link, Messenger__UserRecords *before)
{
    Messenger__ListUsersRequest request = MESSENGER__LIST_USERS_REQUEST__INIT;
    struct admin_call call = { "ListUsers", &request.base, &messenger__user_records__descriptor,
                               "the user service does not know ListUsers; is it of this version?" };
    Messenger__UserRecords *page;

    request.limit = PAGE;
    if (before != NULL && before->users[before->n_users - 1]->user != NULL)
        request.after_tag = before->users[before->n_users - 1]->user->tag;
    bool done = admin_link_call(link, &call, &page);
    wire_free(before);
    return done ? page : NULL;
}

bool admin_users_list(struct admin_link *link, const struct command_line *line)
{
    struct table table = admin_print_user_table();
    Messenger__UserRecords *page = NULL;
    bool more = true;

    while (more && (page = fetch_page(link, page)) != NULL) {
        admin_print_users(&table, wants_json(line), page);
        more = page->n_users == PAGE && console_is_written();
    }
    wire_free(page);
    return page != NULL;
}
