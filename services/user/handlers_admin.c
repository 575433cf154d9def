#include "services/user/handlers_admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.pb-c.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/user/access/codes.h"
#include "services/user/access/deletion.h"
#include "services/user/access/sessions.h"
#include "services/user/handlers_audit.h"
#include "services/user/handlers_invites.h"
#include "services/user/named_user.h"
#include "services/user/views.h"

enum {
    LISTED_MAX = 1000,
    USERS_MAX = 500, /* so that the longest names and addresses fit into one message of the bus */
    TRIES = 8,       /* of a change that meets others of the same account */
    MINUTE_S = 60,
    DAY_S = 24 * 60 * MINUTE_S,
};

static const Messenger__Empty done = MESSENGER__EMPTY__INIT;
static const char no_user[] = "name: no such user";
static const char bad_limit[] = "limit: is 0 or too great, or the tag or id before is none";
static const char bad_lifetime[] = "lifetime_s: is too short or too long";

/* Answers with Empty, or the failure. */
static void reply_status(struct rpc_request *call, enum status status, const char *not_found)
{
    if (status == STATUS_OK)
        rpc_request_reply(call, &done.base);
    else
        rpc_request_fail(call, status, status == STATUS_NOT_FOUND ? not_found : NULL);
}

/* What the administrator has done. The bus does not say which of his connections it was: only the
 * NATS user admin may call these. */
static void note(struct user_service *service, enum audit_kind kind, const struct user *user,
                 const char *subject)
{
    audit_log_note(service->audit, &(struct audit_event){ .kind = kind,
                                                          .by = AUDIT_BY_ADMINISTRATOR,
                                                          .user = user,
                                                          .subject = subject });
}

static void note_code(struct user_service *service, enum audit_kind kind, const struct user *user,
                      const struct id *key)
{
    char hex[ID_HEX + 1];

    id_to_hex(key, hex);
    note(service, kind, user, hex);
}

/* --- users ------------------------------------------------------------------------------- */

/* The id begins with the second in which it was made. */
static int64_t created_ms(const struct id *id)
{
    int64_t seconds = 0;

    for (int i = 0; i < 4; i++)
        seconds = seconds << 8 | id->bytes[i];
    return seconds * 1000;
}

struct record {
    Messenger__UserRecord view;
    Messenger__User user;
    char hex[ID_HEX + 1];
};

static void set_record(const struct user *user, struct record *record)
{
    messenger__user_record__init(&record->view);
    views_set_user(user, record->hex, &record->user);
    record->view.user = &record->user;
    record->view.email = wire_borrow(user->email);
    record->view.disabled = user->disabled;
    record->view.deleted = user->deleted_ms != 0;
    record->view.created_ms = created_ms(&user->id);
}

static void reply_records(struct rpc_request *call, const struct user_list *list)
{
    struct record *records = xcalloc(list->count, sizeof(*records));
    Messenger__UserRecord **pointers = xcalloc(list->count, sizeof(*pointers));
    Messenger__UserRecords reply = MESSENGER__USER_RECORDS__INIT;

    for (size_t i = 0; i < list->count; i++) {
        set_record(&list->items[i], &records[i]);
        pointers[i] = &records[i].view;
    }
    reply.n_users = list->count;
    reply.users = pointers;
    rpc_request_reply(call, &reply.base);
    free(pointers);
    free(records);
}

static void handle_list_users(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__ListUsersRequest *wanted = request;
    char after[TAG_SIZE] = "";
    struct user_list list;

    if (wanted->limit == 0 || wanted->limit > USERS_MAX ||
        (*wanted->after_tag != '\0' && !tag_to_key(wanted->after_tag, after))) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, bad_limit);
        return;
    }
    enum status status = user_store_page(service->store, after, wanted->limit, &list);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, NULL);
        return;
    }
    reply_records(call, &list);
    free(list.items);
}

static void handle_get_user(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    Messenger__UserDetails reply = MESSENGER__USER_DETAILS__INIT;
    struct user_session_list sessions;
    struct record record;
    struct user user;

    enum status status =
        named_user_find(service, ((const Messenger__GetUserRequest *)request)->name, &user);
    if (status == STATUS_OK)
        status = user_store_sessions(service->store, &user.id, SESSIONS_MAX, &sessions);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, no_user);
        return;
    }
    struct session_views *views = views_make_sessions(&user, &sessions);
    set_record(&user, &record);
    reply.record = &record.view;
    reply.n_sessions = views->count;
    reply.sessions = views->pointers;
    rpc_request_reply(call, &reply.base);
    views_free_sessions(views);
    free(sessions.items);
}

/* --- changes ----------------------------------------------------------------------------- */

/* Ends all sessions of a user, who from then on is disabled or not. */
static enum status end_all(struct user_service *service, const char *name, const bool *disabled)
{
    enum status status = STATUS_CONFLICT;
    struct user user;

    for (int i = 0; i < TRIES && status == STATUS_CONFLICT; i++) {
        status = named_user_find(service, name, &user);
        if (status != STATUS_OK)
            break;
        bool enables = disabled != NULL && !*disabled;
        struct user_credentials change = { .before = &user,
                                           .ends_sessions = !enables,
                                           .kept_session = "",
                                           .disabled =
                                               disabled != NULL ? *disabled : user.disabled };
        status = user_store_set_credentials(service->store, &change);
        if (status == STATUS_OK)
            note(service,
                 disabled == NULL ? AUDIT_ALL_SESSIONS_REVOKED
                 : *disabled      ? AUDIT_ACCOUNT_DISABLED
                                  : AUDIT_ACCOUNT_ENABLED,
                 &user, NULL);
        if (status == STATUS_OK && change.ends_sessions)
            sessions_publish_end_of_others(service, &user, "");
    }
    return status == STATUS_CONFLICT ? STATUS_BUSY : status;
}

static void handle_set_disabled(void *ctx, struct rpc_request *call, const void *request)
{
    const Messenger__SetDisabledRequest *wanted = request;
    bool disabled = wanted->disabled;

    enum status status = end_all(ctx, wanted->name, &disabled);
    if (status == STATUS_OK)
        log_info("the administrator has %s an account", disabled ? "disabled" : "enabled");
    reply_status(call, status, no_user);
}

static void handle_delete_user(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    enum status status = STATUS_CONFLICT;
    struct user user;

    for (int i = 0; i < TRIES && status == STATUS_CONFLICT; i++) {
        status =
            named_user_find(service, ((const Messenger__DeleteUserRequest *)request)->name, &user);
        if (status == STATUS_OK)
            status = deletion_delete(service, &user);
    }
    if (status == STATUS_OK) {
        deletion_follow_up(service, &user);
        note(service, AUDIT_ACCOUNT_DELETED, &user, "");
    }
    reply_status(call, status == STATUS_CONFLICT ? STATUS_BUSY : status, no_user);
}

static enum status end_one(struct user_service *service, const char *name, const char *id)
{
    struct user_session session;
    struct user user;

    if (!sessions_is_id(id))
        return STATUS_NOT_FOUND;
    enum status status = named_user_find(service, name, &user);
    if (status == STATUS_OK)
        status = user_store_get_session(service->store, id, &session);
    if (status == STATUS_OK && sessions_is_over(&user, &session))
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = sessions_end(service, user.tag, id, "", session.expires_at_s);
    if (status == STATUS_OK)
        note(service, AUDIT_SESSION_REVOKED, &user, id);
    return status;
}

static void handle_end_user_sessions(void *ctx, struct rpc_request *call, const void *request)
{
    const Messenger__EndUserSessionsRequest *wanted = request;
    bool all = *wanted->session_id == '\0';

    reply_status(call,
                 all ? end_all(ctx, wanted->name, NULL)
                     : end_one(ctx, wanted->name, wanted->session_id),
                 all ? no_user : "session_id: no such session of this user");
}

/* --- codes ------------------------------------------------------------------------------- */

static void reply_code(struct rpc_request *call, enum status status, const struct user_code *code,
                       const char *secret)
{
    Messenger__OneTimeCode reply;
    char hex[ID_HEX + 1];

    if (status != STATUS_OK) {
        rpc_request_fail(call, status, status == STATUS_NOT_FOUND ? no_user : NULL);
        return;
    }
    codes_set_view(code, secret, hex, &reply);
    rpc_request_reply(call, &reply.base);
}

static void handle_create_reset(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__CreateResetRequest *wanted = request;
    int64_t lifetime_s = wanted->lifetime_s != 0 ? wanted->lifetime_s : DAY_S;
    char secret[CODES_SECRET_SIZE];
    struct user_code code;
    struct user user;

    if (lifetime_s < MINUTE_S || lifetime_s > INT64_C(30) * DAY_S) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, bad_lifetime);
        return;
    }
    enum status status = named_user_find(service, wanted->name, &user);
    if (status == STATUS_OK)
        status = codes_drop(service, USER_CODE_RESET, &user);
    if (status == STATUS_OK)
        status = codes_drop(service, USER_CODE_MAILED_RESET, &user);
    if (status == STATUS_OK)
        status = codes_make(service, USER_CODE_RESET, &user, lifetime_s, secret, &code);
    if (status == STATUS_OK)
        note(service, AUDIT_RESET_LINK_CREATED, &user, NULL);
    reply_code(call, status, &code, secret);
}

static void handle_make_invite(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    int64_t wanted_s = ((const Messenger__MakeInviteRequest *)request)->lifetime_s;
    int64_t lifetime_s = wanted_s != 0 ? wanted_s : service->invite_lifetime_s;
    char secret[CODES_SECRET_SIZE];
    struct user_code code;

    if (lifetime_s < MINUTE_S || lifetime_s > INT64_C(366) * DAY_S) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, bad_lifetime);
        return;
    }
    enum status status = codes_make(service, USER_CODE_INVITE, NULL, lifetime_s, secret, &code);
    if (status == STATUS_OK)
        note_code(service, AUDIT_INVITE_CREATED, NULL, &code.key);
    reply_code(call, status, &code, secret);
}

/* Up to `limit` invites that follow a key: a page of the store has codes of other kinds, too, and a
 * caller takes a short list for the last one. The caller frees `items` in any case. */
static enum status find_invites(struct user_service *service, const struct id *after, size_t limit,
                                struct user_code_list *found)
{
    struct user_code_list page = { .count = limit };
    enum status status = STATUS_OK;
    struct id last;

    *found = (struct user_code_list){ .items = xcalloc(limit, sizeof(*found->items)) };
    while (status == STATUS_OK && page.count == limit && found->count < limit) {
        status = user_store_code_page(service->store, after, limit, &page);
        for (size_t i = 0; status == STATUS_OK && i < page.count && found->count < limit; i++) {
            last = page.items[i].key;
            if (page.items[i].kind == USER_CODE_INVITE)
                found->items[found->count++] = page.items[i];
        }
        after = &last;
        if (status == STATUS_OK)
            free(page.items);
    }
    return status;
}

static void handle_list_all_invites(void *ctx, struct rpc_request *call, const void *request)
{
    const Messenger__ListAllInvitesRequest *wanted = request;
    struct user_code_list list;
    struct id after;

    if (wanted->limit == 0 || wanted->limit > LISTED_MAX ||
        (*wanted->after_id != '\0' && !id_from_hex(wanted->after_id, &after))) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, bad_limit);
        return;
    }
    enum status status =
        find_invites(ctx, *wanted->after_id != '\0' ? &after : NULL, wanted->limit, &list);
    if (status == STATUS_OK)
        handlers_invites_reply(call, &list);
    else
        rpc_request_fail(call, status, NULL);
    free(list.items);
}

static void handle_drop_invite(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    enum status status = STATUS_NOT_FOUND;
    struct user_code code;
    struct id key;

    if (id_from_hex(((const Messenger__DropInviteRequest *)request)->id, &key))
        status = user_store_get_code(service->store, &key, &code);
    if (status == STATUS_OK && code.kind != USER_CODE_INVITE)
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = user_store_delete_code(service->store, &key);
    if (status == STATUS_OK)
        note_code(service, AUDIT_INVITE_REVOKED, NULL, &key);
    reply_status(call, status, "id: no such unused invite");
}

const struct rpc_method admin_methods[] = {
    { "ListUsers", &messenger__list_users_request__descriptor, handle_list_users, RPC_FAST },
    { "GetUser", &messenger__get_user_request__descriptor, handle_get_user, RPC_FAST },
    { "SetDisabled", &messenger__set_disabled_request__descriptor, handle_set_disabled, RPC_FAST },
    { "DeleteUser", &messenger__delete_user_request__descriptor, handle_delete_user, RPC_FAST },
    { "EndUserSessions", &messenger__end_user_sessions_request__descriptor,
      handle_end_user_sessions, RPC_FAST },
    { "CreateReset", &messenger__create_reset_request__descriptor, handle_create_reset, RPC_FAST },
    { "MakeInvite", &messenger__make_invite_request__descriptor, handle_make_invite, RPC_FAST },
    { "ListAllInvites", &messenger__list_all_invites_request__descriptor, handle_list_all_invites,
      RPC_FAST },
    { "DropInvite", &messenger__drop_invite_request__descriptor, handle_drop_invite, RPC_FAST },
    { "ListAudit", &messenger__list_audit_request__descriptor, handle_list_audit, RPC_FAST },
};
const size_t admin_method_count = sizeof(admin_methods) / sizeof(admin_methods[0]);
