#include "services/user/handlers_tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"
#include "services/user/access/sessions.h"
#include "services/user/caller.h"

enum { AT_ONCE_MAX = 1000 };

static const char bad_token[] = "token: its ids are none";

/* The id of a token's session. */
static const char *session_of(const char *session_id, const char *jti)
{
    return *session_id != '\0' ? session_id : jti;
}

/* Of whose token it is, the store knows the account by the session alone, so before it ends. */
static void note_log_out(struct user_service *service, const Messenger__RevokeTokenRequest *token,
                         const struct user_session *session)
{
    struct user user = { .id = session->account };

    if (tag_is_valid(token->tag))
        snprintf(user.tag, sizeof(user.tag), "%s", token->tag);
    audit_log_note(service->audit, &(struct audit_event){ .kind = AUDIT_LOG_OUT,
                                                          .by = AUDIT_BY_USER,
                                                          .user = &user,
                                                          .address = token->client_network,
                                                          .device = session->device,
                                                          .subject = session->id });
}

static enum status revoke_token(struct user_service *service,
                                const Messenger__RevokeTokenRequest *token, const char *id)
{
    struct user_session session;

    enum status found = user_store_get_session(service->store, id, &session);
    enum status status = sessions_end(service, token->tag, id, token->jti, token->expires_at);
    if (status == STATUS_OK && found == STATUS_OK)
        note_log_out(service, token, &session);
    return status;
}

void handle_revoke_token(void *ctx, struct rpc_request *call, const void *request)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;
    struct user_service *service = ctx;
    const Messenger__RevokeTokenRequest *token = request;
    const char *session = session_of(token->session_id, token->jti);
    enum status status = STATUS_INVALID_ARGUMENT;
    struct client_network network;

    const char *problem = client_network_check(token->client_network, &network);
    if (problem == NULL && !(sessions_is_id(token->jti) && sessions_is_id(session)))
        problem = bad_token;
    if (problem == NULL)
        status = revoke_token(service, token, session);
    if (status == STATUS_OK)
        rpc_request_reply(call, &done.base);
    else
        rpc_request_fail(call, status, problem);
}

/* --- one token --------------------------------------------------------------------------- */

static enum status check_revoked(struct user_service *service, const char *jti, const char *session,
                                 bool *revoked_out)
{
    enum status status = user_store_is_revoked(service->store, jti, revoked_out);

    if (status == STATUS_OK && !*revoked_out && strcmp(jti, session) != 0)
        status = user_store_is_revoked(service->store, session, revoked_out);
    return status;
}

static enum status check_account(struct user_service *service,
                                 const Messenger__CheckTokenRequest *token, bool renews,
                                 Messenger__CheckTokenReply *reply)
{
    bool over = false;
    struct user user;

    enum status status = caller_load_account(service, token->account, &user);
    if (status == STATUS_UNAUTHENTICATED) {
        reply->no_account = true;
        return STATUS_OK;
    }
    if (status == STATUS_OK && token->session != NULL && !reply->revoked)
        status = sessions_check(service, &user, session_of(token->session_id, token->jti), token,
                                renews, &over);
    if (status == STATUS_OK) {
        reply->revoked |= over;
        reply->epoch = user.session_epoch;
    }
    return status;
}

static void check_token(struct user_service *service, struct rpc_request *call,
                        const Messenger__CheckTokenRequest *token, bool renews)
{
    Messenger__CheckTokenReply reply = MESSENGER__CHECK_TOKEN_REPLY__INIT;
    const char *session = session_of(token->session_id, token->jti);
    bool revoked = false;

    const char *problem = sessions_is_id(token->jti) && sessions_is_id(session) ? NULL : bad_token;
    if (problem == NULL && token->session != NULL)
        problem = sessions_check_new(token->session);
    if (problem != NULL) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
        return;
    }
    enum status status = check_revoked(service, token->jti, session, &revoked);
    reply.revoked = revoked;
    if (status == STATUS_OK && token->account != NULL)
        status = check_account(service, token, renews, &reply);
    if (status == STATUS_OK)
        rpc_request_reply(call, &reply.base);
    else
        rpc_request_fail(call, status, NULL);
}

void handle_check_token(void *ctx, struct rpc_request *call, const void *request)
{
    check_token(ctx, call, request, false);
}

void handle_renew_token(void *ctx, struct rpc_request *call, const void *request)
{
    check_token(ctx, call, request, true);
}

/* --- many -------------------------------------------------------------------------------- */

struct accounts {
    struct user_list list;
    struct hashmap *by_key; /* key of the tag -> its user in the list */
};

static void accounts_finish(struct accounts *accounts)
{
    hashmap_destroy(&accounts->by_key);
    free(accounts->list.items);
}

/* Ends with accounts_finish in any case. A name may be missing. */
static enum status accounts_load(struct user_service *service, Messenger__AccountName *const *names,
                                 size_t count, struct accounts *accounts_out)
{
    char(*keys)[TAG_SIZE] = xcalloc(count, sizeof(*keys)), key[TAG_SIZE];
    const char **pointers = xcalloc(count, sizeof(*pointers));
    enum status status = STATUS_OK;
    size_t wanted = 0;

    *accounts_out = (struct accounts){ .by_key = hashmap_create() };
    for (size_t i = 0; i < count; i++)
        if (names[i] != NULL && tag_to_key(names[i]->tag, keys[wanted])) {
            pointers[wanted] = keys[wanted];
            wanted++;
        }
    if (wanted > 0)
        status = user_store_by_keys(service->store, pointers, wanted, &accounts_out->list);
    for (size_t i = 0; i < accounts_out->list.count; i++)
        if (tag_to_key(accounts_out->list.items[i].tag, key))
            hashmap_put(accounts_out->by_key, key, &accounts_out->list.items[i]);
    free(pointers);
    free(keys);
    return status;
}

/* NULL when no account has this id and this tag, or it is disabled. */
static const struct user *accounts_find(const struct accounts *accounts,
                                        const Messenger__AccountName *name)
{
    char key[TAG_SIZE];

    if (name == NULL || !tag_to_key(name->tag, key))
        return NULL;
    const struct user *user = hashmap_get(accounts->by_key, key);
    return user != NULL && !user->disabled && caller_is_account(user, name->id) ? user : NULL;
}

static enum status list_revoked(struct user_service *service,
                                const Messenger__FindRevokedRequest *wanted,
                                Messenger__RevokedTokens *reply)
{
    enum status status = STATUS_OK;
    bool revoked = false;

    reply->jtis = xcalloc(wanted->n_jtis, sizeof(*reply->jtis));
    for (size_t i = 0; i < wanted->n_jtis && status == STATUS_OK; i++) {
        status = user_store_is_revoked(service->store, wanted->jtis[i], &revoked);
        if (revoked)
            reply->jtis[reply->n_jtis++] = wanted->jtis[i];
    }
    return status;
}

static enum status list_missing(struct user_service *service,
                                const Messenger__FindRevokedRequest *wanted,
                                Messenger__RevokedTokens *reply)
{
    struct accounts accounts;

    reply->missing = xcalloc(wanted->n_accounts, sizeof(*reply->missing));
    enum status status = accounts_load(service, wanted->accounts, wanted->n_accounts, &accounts);
    for (size_t i = 0; i < wanted->n_accounts && status == STATUS_OK; i++)
        if (accounts_find(&accounts, wanted->accounts[i]) == NULL)
            reply->missing[reply->n_missing++] = wanted->accounts[i];
    accounts_finish(&accounts);
    return status;
}

/* Whether a session of a user, who may not exist, is over. */
static enum status look_for(struct user_service *service, const struct user *user,
                            const Messenger__SessionName *session, bool thorough, bool *over_out)
{
    *over_out = user == NULL || !sessions_is_id(session->session_id) ||
                (user->session_epoch > session->epoch &&
                 strcmp(session->session_id, user->kept_session) != 0);
    return *over_out || !thorough ? STATUS_OK
                                  : sessions_look_for(service, user, session->session_id, over_out);
}

static enum status list_over(struct user_service *service,
                             const Messenger__FindRevokedRequest *wanted,
                             Messenger__RevokedTokens *reply)
{
    Messenger__AccountName **names = xcalloc(wanted->n_sessions, sizeof(*names));
    struct accounts accounts;
    bool over = false;

    reply->sessions = xcalloc(wanted->n_sessions, sizeof(*reply->sessions));
    for (size_t i = 0; i < wanted->n_sessions; i++)
        names[i] = wanted->sessions[i]->account;
    enum status status = accounts_load(service, names, wanted->n_sessions, &accounts);
    for (size_t i = 0; i < wanted->n_sessions && status == STATUS_OK; i++) {
        status = look_for(service, accounts_find(&accounts, names[i]), wanted->sessions[i],
                          wanted->thorough, &over);
        if (over)
            reply->sessions[reply->n_sessions++] = wanted->sessions[i]->session_id;
    }
    accounts_finish(&accounts);
    free(names);
    return status;
}

void handle_find_revoked(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__FindRevokedRequest *wanted = request;
    Messenger__RevokedTokens reply = MESSENGER__REVOKED_TOKENS__INIT;

    if (wanted->n_jtis > AT_ONCE_MAX || wanted->n_accounts > AT_ONCE_MAX ||
        wanted->n_sessions > AT_ONCE_MAX) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, "at most 1000 tokens");
        return;
    }
    enum status status = list_revoked(service, wanted, &reply);
    if (status == STATUS_OK)
        status = list_missing(service, wanted, &reply);
    if (status == STATUS_OK)
        status = list_over(service, wanted, &reply);
    if (status == STATUS_OK)
        rpc_request_reply(call, &reply.base);
    else
        rpc_request_fail(call, status, NULL);
    free(reply.jtis);
    free(reply.missing);
    free(reply.sessions);
}
