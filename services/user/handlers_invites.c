#include "services/user/handlers_invites.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/user/access/codes.h"
#include "services/user/caller.h"

enum { LISTED_MAX = 1000 };

static const char no_account[] = "the account does not exist";
static const char no_invite[] = "id: no such unused invite";

/* --- the list ---------------------------------------------------------------------------- */

struct item {
    Messenger__Invite view;
    char hex[ID_HEX + 1];
};

static void set_item(const struct user_code *code, struct item *item)
{
    messenger__invite__init(&item->view);
    id_to_hex(&code->key, item->hex);
    item->view.id = item->hex;
    item->view.creator_tag = wire_borrow(code->account_tag);
    item->view.created_ms = code->created_ms;
    item->view.expires_at = code->expires_at_s;
    item->view.used_by_tag = wire_borrow(code->used_by_tag);
    item->view.used_ms = code->used_ms;
}

void handlers_invites_reply(struct rpc_request *call, const struct user_code_list *codes)
{
    struct item *items = xcalloc(codes->count, sizeof(*items));
    Messenger__Invite **pointers = xcalloc(codes->count, sizeof(*pointers));
    Messenger__InviteList reply = MESSENGER__INVITE_LIST__INIT;

    for (size_t i = 0; i < codes->count; i++) {
        if (codes->items[i].kind != USER_CODE_INVITE)
            continue;
        set_item(&codes->items[i], &items[reply.n_invites]);
        pointers[reply.n_invites] = &items[reply.n_invites].view;
        reply.n_invites++;
    }
    reply.invites = pointers;
    rpc_request_reply(call, &reply.base);
    free(pointers);
    free(items);
}

void handle_list_invites(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__ListInvitesRequest *wanted = request;
    struct user_code_list list;
    struct user user;

    enum status status = caller_load_account(service, wanted->account, &user);
    if (status == STATUS_OK)
        status = user_store_codes(service->store, USER_CODE_INVITE, &user.id, LISTED_MAX, &list);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, no_account);
        return;
    }
    handlers_invites_reply(call, &list);
    free(list.items);
}

static void note(struct user_service *service, enum audit_kind kind, const struct user *user,
                 const struct client_network *network, const struct id *invite)
{
    char hex[ID_HEX + 1];

    id_to_hex(invite, hex);
    audit_log_note(service->audit, &(struct audit_event){ .kind = kind,
                                                          .by = AUDIT_BY_USER,
                                                          .user = user,
                                                          .address = network->name,
                                                          .subject = hex });
}

/* --- making ------------------------------------------------------------------------------ */

/* STATUS_FORBIDDEN when the user has as many as are allowed. Two calls at once may make one more.
 */
static enum status check_allowance(struct user_service *service, const struct user *user)
{
    int64_t unused = 0, now_s = clock_wall_ms() / 1000;
    struct user_code_list list;

    enum status status =
        user_store_codes(service->store, USER_CODE_INVITE, &user->id, LISTED_MAX, &list);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < list.count; i++)
        unused += list.items[i].used_ms == 0 && list.items[i].expires_at_s > now_s;
    free(list.items);
    return unused < service->invites_per_user ? STATUS_OK : STATUS_FORBIDDEN;
}

static void reply_invite(struct user_service *service, struct rpc_request *call,
                         const struct user *user, const struct client_network *network)
{
    char secret[CODES_SECRET_SIZE], hex[ID_HEX + 1];
    Messenger__OneTimeCode reply;
    struct user_code code;

    enum status status =
        codes_make(service, USER_CODE_INVITE, user, service->invite_lifetime_s, secret, &code);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, NULL);
        return;
    }
    note(service, AUDIT_INVITE_CREATED, user, network, &code.key);
    codes_set_view(&code, secret, hex, &reply);
    rpc_request_reply(call, &reply.base);
}

void handle_create_invite(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__CreateInviteRequest *wanted = request;
    struct client_network network;
    struct user user;

    const char *problem = client_network_check(wanted->client_network, &network);
    if (problem != NULL) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
        return;
    }
    enum status status = caller_load_account(service, wanted->account, &user);
    if (status == STATUS_OK && service->invites_per_user == 0) {
        rpc_request_fail(call, STATUS_FORBIDDEN, "invite: users may not invite here");
        return;
    }
    if (status == STATUS_OK)
        status = check_allowance(service, &user);
    if (status == STATUS_OK)
        reply_invite(service, call, &user, &network);
    else
        rpc_request_fail(call, status,
                         status == STATUS_FORBIDDEN ? "invite: too many are unused" : no_account);
}

/* --- revoking ---------------------------------------------------------------------------- */

static enum status revoke_invite(struct user_service *service, const struct user *user,
                                 const char *hex, const struct client_network *network)
{
    struct user_code code;
    struct id key;

    if (!id_from_hex(hex, &key))
        return STATUS_NOT_FOUND;
    enum status status = user_store_get_code(service->store, &key, &code);
    if (status == STATUS_OK && (code.kind != USER_CODE_INVITE ||
                                memcmp(code.account.bytes, user->id.bytes, ID_BYTES) != 0))
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = user_store_delete_code(service->store, &key);
    if (status == STATUS_OK)
        note(service, AUDIT_INVITE_REVOKED, user, network, &key);
    return status;
}

void handle_revoke_invite(void *ctx, struct rpc_request *call, const void *request)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;
    struct user_service *service = ctx;
    const Messenger__RevokeInviteRequest *wanted = request;
    struct client_network network;
    struct user user;

    const char *problem = client_network_check(wanted->client_network, &network);
    if (problem != NULL) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
        return;
    }
    enum status status = caller_load_account(service, wanted->account, &user);
    if (status == STATUS_OK)
        status = revoke_invite(service, &user, wanted->id, &network);
    if (status == STATUS_OK)
        rpc_request_reply(call, &done.base);
    else
        rpc_request_fail(call, status, status == STATUS_NOT_FOUND ? no_invite : no_account);
}
