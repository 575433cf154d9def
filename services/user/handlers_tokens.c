#include "services/user/handlers_tokens.h"

#include <stdlib.h>
#include <string.h>

#include "event.pb-c.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/user/user_service.h"
#include "user.pb-c.h"

enum { AT_ONCE_MAX = 1000 };

void handle_revoke_token(void *ctx, struct rpc_request *call, const void *request)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;
    struct user_service *service = ctx;
    const Messenger__RevokeTokenRequest *token = request;
    Messenger__UserLoggedOut event = MESSENGER__USER_LOGGED_OUT__INIT;

    enum status status =
        user_store_revoke(service->store, token->jti, token->expires_at, clock_wall_ms() / 1000);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, NULL);
        return;
    }
    event.tag = token->tag;
    event.jti = token->jti;
    wire_publish(service->bus, "event.user.logged_out", &event.base);
    rpc_request_reply(call, &done.base);
}

/* --- accounts ---------------------------------------------------------------------------- */

bool handlers_tokens_is_account(const struct user *user, const char *id)
{
    struct id wanted;

    return id_from_hex(id, &wanted) && memcmp(wanted.bytes, user->id.bytes, ID_BYTES) == 0;
}

/* Sets `missing_out` for each account that does not exist. */
static enum status find_missing(struct user_service *service,
                                Messenger__AccountName *const *accounts, size_t count,
                                bool *missing_out)
{
    char(*keys)[TAG_SIZE] = xcalloc(count, sizeof(*keys)), key[TAG_SIZE];
    const char **pointers = xcalloc(count, sizeof(*pointers));
    struct hashmap *found = hashmap_create();
    struct user_list list = { 0 };
    size_t wanted = 0;

    for (size_t i = 0; i < count; i++)
        if (tag_to_key(accounts[i]->tag, keys[wanted])) {
            pointers[wanted] = keys[wanted];
            wanted++;
        }
    enum status status =
        wanted > 0 ? user_store_by_keys(service->store, pointers, wanted, &list) : STATUS_OK;
    for (size_t i = 0; i < list.count; i++)
        if (tag_to_key(list.items[i].tag, key))
            hashmap_put(found, key, &list.items[i]);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const struct user *user =
            tag_to_key(accounts[i]->tag, key) ? hashmap_get(found, key) : NULL;
        missing_out[i] = user == NULL || !handlers_tokens_is_account(user, accounts[i]->id);
    }
    hashmap_destroy(&found);
    free(list.items);
    free(pointers);
    free(keys);
    return status;
}

/* --- checks ------------------------------------------------------------------------------ */

void handle_check_token(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__CheckTokenRequest *token = request;
    Messenger__CheckTokenReply reply = MESSENGER__CHECK_TOKEN_REPLY__INIT;
    bool revoked = false, missing = false;

    enum status status = user_store_is_revoked(service->store, token->jti, &revoked);
    if (status == STATUS_OK && token->account != NULL)
        status = find_missing(service, &token->account, 1, &missing);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, NULL);
        return;
    }
    reply.revoked = revoked;
    reply.no_account = missing;
    rpc_request_reply(call, &reply.base);
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
    bool *missing = xcalloc(wanted->n_accounts, sizeof(*missing));

    reply->missing = xcalloc(wanted->n_accounts, sizeof(*reply->missing));
    enum status status = find_missing(service, wanted->accounts, wanted->n_accounts, missing);
    for (size_t i = 0; i < wanted->n_accounts && status == STATUS_OK; i++)
        if (missing[i])
            reply->missing[reply->n_missing++] = wanted->accounts[i];
    free(missing);
    return status;
}

void handle_find_revoked(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__FindRevokedRequest *wanted = request;
    Messenger__RevokedTokens reply = MESSENGER__REVOKED_TOKENS__INIT;

    if (wanted->n_jtis > AT_ONCE_MAX || wanted->n_accounts > AT_ONCE_MAX) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, "at most 1000 tokens");
        return;
    }
    enum status status = list_revoked(service, wanted, &reply);
    if (status == STATUS_OK)
        status = list_missing(service, wanted, &reply);
    if (status == STATUS_OK)
        rpc_request_reply(call, &reply.base);
    else
        rpc_request_fail(call, status, NULL);
    free(reply.jtis);
    free(reply.missing);
}
