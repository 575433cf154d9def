#include "services/user/handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/common/store/disk_space.h"
#include "services/user/caller.h"
#include "services/user/handlers_accounts.h"
#include "services/user/handlers_audit.h"
#include "services/user/handlers_deletion.h"
#include "services/user/handlers_invites.h"
#include "services/user/handlers_password.h"
#include "services/user/handlers_sessions.h"
#include "services/user/handlers_tokens.h"
#include "services/user/rules/user_rules.h"
#include "services/user/views.h"
#include "user.pb-c.h"

enum {
    TAGS_MAX = 1000,
    FIND_MAX = 100,
    IMAGE_BYTES_MAX = 768 * 1024,
};

static void reply_list(struct rpc_request *call, const struct user_list *list)
{
    struct item {
        Messenger__User view;
        char hex[ID_HEX + 1];
    } *items = xcalloc(list->count, sizeof(*items));
    Messenger__User **pointers = xcalloc(list->count, sizeof(*pointers));
    Messenger__UserList reply = MESSENGER__USER_LIST__INIT;

    for (size_t i = 0; i < list->count; i++) {
        views_set_user(&list->items[i], items[i].hex, &items[i].view);
        pointers[i] = &items[i].view;
    }
    reply.n_users = list->count;
    reply.users = pointers;
    rpc_request_reply(call, &reply.base);
    free(pointers);
    free(items);
}

/* --- profiles ---------------------------------------------------------------------------- */

static void handle_get_users(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__GetUsersRequest *wanted = request;
    struct user_list list;
    size_t count = 0;

    if (wanted->n_tags > TAGS_MAX) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, "too many tags");
        return;
    }
    char(*keys)[TAG_SIZE] = xcalloc(wanted->n_tags, sizeof(*keys));
    const char **pointers = xcalloc(wanted->n_tags, sizeof(*pointers));
    for (size_t i = 0; i < wanted->n_tags; i++) {
        if (tag_to_key(wanted->tags[i], keys[count])) {
            pointers[count] = keys[count];
            count++;
        }
    }
    enum status status = user_store_by_keys(service->store, pointers, count, &list);
    free(pointers);
    free(keys);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, NULL);
        return;
    }
    reply_list(call, &list);
    free(list.items);
}

/* The part of a key that a query searches for; false when no key can contain it. */
static bool query_to_part(const char *query, char part_out[TAG_SIZE])
{
    if (*query == '@')
        query++;
    size_t length = strlen(query);
    if (length >= TAG_SIZE)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = query[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
        part_out[i] = c;
    }
    part_out[length] = '\0';
    return true;
}

static void handle_find_users(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__FindUsersRequest *search = request;
    char part[TAG_SIZE], except_key[TAG_SIZE];
    struct user_list list = { 0 };
    enum status status = STATUS_OK;

    tag_to_key(search->exclude_tag, except_key);
    if (query_to_part(search->query, part))
        status = user_store_find(service->store, part, except_key,
                                 search->limit < FIND_MAX ? search->limit : FIND_MAX, &list);
    if (status == STATUS_OK)
        reply_list(call, &list);
    else
        rpc_request_fail(call, status, NULL);
    free(list.items);
}

/*
 * Works out what the request changes: `user` becomes the new state, `changed_out` names the fields
 * that differ; none if the user has these values, so that a call can be repeated. A problem for
 * people, or NULL; `status_out` says whether the store failed.
 */
static const char *apply_profile(struct user_service *service,
                                 const Messenger__UpdateProfileRequest *request, struct user *user,
                                 unsigned *changed_out, enum status *status_out)
{
    const struct user before = *user;
    const char *problem = NULL;
    bool known = true;

    *status_out = STATUS_INVALID_ARGUMENT;
    if (request->first_name[0] == '\0' && request->last_name[0] == '\0' && request->img[0] == '\0')
        return "nothing to change";
    if (request->first_name[0] != '\0')
        problem = user_rules_check_name("firstName", request->first_name, user->first_name);
    if (problem == NULL && request->last_name[0] != '\0')
        problem = user_rules_check_name("lastName", request->last_name, user->last_name);
    if (problem != NULL)
        return problem;
    if (request->img[0] != '\0' && strcmp(request->img, USER_RULES_DEFAULT_IMAGE) != 0) {
        enum status status = user_store_has_image(service->store, request->img, &known);
        if (status != STATUS_OK) {
            *status_out = status;
            return "the store does not answer";
        }
    }
    if (!known)
        return "img: no such image; upload it first";
    if (request->img[0] != '\0')
        snprintf(user->img, sizeof(user->img), "%s", request->img);
    *changed_out =
        (strcmp(before.first_name, user->first_name) != 0 ? USER_CHANGED_FIRST_NAME : 0) |
        (strcmp(before.last_name, user->last_name) != 0 ? USER_CHANGED_LAST_NAME : 0) |
        (strcmp(before.img, user->img) != 0 ? USER_CHANGED_IMG : 0);
    *status_out = STATUS_OK;
    return NULL;
}

/* The announcer notifies the contacts. */
static void handle_update_profile(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__UpdateProfileRequest *wanted = request;
    struct user_update update = { .origin = wanted->origin };
    char key[TAG_SIZE];
    struct user user;

    enum status status = caller_load(service, wanted->tag, wanted->account_id, &user);
    if (status == STATUS_OK && !tag_to_key(user.tag, key))
        status = STATUS_UNAUTHENTICATED;
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, "the account does not exist");
        return;
    }
    const char *problem = apply_profile(service, wanted, &user, &update.changed, &status);
    update.first_name = user.first_name;
    update.last_name = user.last_name;
    update.img = user.img;
    if (strlen(wanted->origin) >= USER_ORIGIN_SIZE)
        update.origin = "";
    if (status == STATUS_OK && update.changed != 0)
        status = user_store_update(service->store, key, &update);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, problem);
        return;
    }
    if (update.changed != 0)
        announcer_kick(service->announcer);
    views_reply_user(call, &user);
}

/* --- images ------------------------------------------------------------------------------ */

static void handle_put_image(void *ctx, struct rpc_request *call, const void *request)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;
    struct user_service *service = ctx;
    const Messenger__Image *image = ((const Messenger__PutImageRequest *)request)->image;

    if (image == NULL || image->data.len == 0 || image->data.len > IMAGE_BYTES_MAX ||
        image->name[0] == '\0' || strlen(image->name) >= USER_IMAGE_SIZE) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, "not an image of a fit size");
        return;
    }
    if (disk_space_is_low(service->store_url, service->low_disk_bytes)) {
        rpc_request_fail(call, STATUS_BUSY, "the disk of the server is nearly full");
        return;
    }
    struct user_image put = { .name = image->name,
                              .content_type = image->content_type,
                              .data = image->data.data,
                              .size = image->data.len,
                              .stored_ms = clock_wall_ms() };
    enum status status = user_store_put_image(service->store, &put);
    if (status == STATUS_OK)
        rpc_request_reply(call, &done.base);
    else
        rpc_request_fail(call, status, NULL);
}

static void handle_get_image(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__GetImageRequest *wanted = request;
    Messenger__Image image = MESSENGER__IMAGE__INIT;
    char *content_type = NULL;
    void *data = NULL;
    size_t size = 0;

    enum status status =
        user_store_get_image(service->store, wanted->name, &content_type, &data, &size);
    if (status == STATUS_OK) {
        image.name = wanted->name;
        image.content_type = content_type;
        image.data.data = data;
        image.data.len = size;
        rpc_request_reply(call, &image.base);
    } else {
        rpc_request_fail(call, status, NULL);
    }
    free(content_type);
    free(data);
}

const struct rpc_method user_methods[] = {
    { "Register", &messenger__register_request__descriptor, handle_register, RPC_SLOW },
    { "Authenticate", &messenger__authenticate_request__descriptor, handle_authenticate, RPC_SLOW },
    { "ProveEmail", &messenger__prove_email_request__descriptor, handle_prove_email, RPC_SLOW },
    { "GetUsers", &messenger__get_users_request__descriptor, handle_get_users, RPC_FAST },
    { "FindUsers", &messenger__find_users_request__descriptor, handle_find_users, RPC_FAST },
    { "UpdateProfile", &messenger__update_profile_request__descriptor, handle_update_profile,
      RPC_FAST },
    { "PutImage", &messenger__put_image_request__descriptor, handle_put_image, RPC_FAST },
    { "GetImage", &messenger__get_image_request__descriptor, handle_get_image, RPC_FAST },
    { "RevokeToken", &messenger__revoke_token_request__descriptor, handle_revoke_token, RPC_FAST },
    { "CheckToken", &messenger__check_token_request__descriptor, handle_check_token, RPC_FAST },
    { "RenewToken", &messenger__check_token_request__descriptor, handle_renew_token, RPC_FAST },
    { "FindRevoked", &messenger__find_revoked_request__descriptor, handle_find_revoked, RPC_FAST },
    { "GetAccount", &messenger__get_account_request__descriptor, handle_get_account, RPC_FAST },
    { "ListSessions", &messenger__list_sessions_request__descriptor, handle_list_sessions,
      RPC_FAST },
    { "EndSession", &messenger__end_session_request__descriptor, handle_end_session, RPC_FAST },
    { "EndOtherSessions", &messenger__end_other_sessions_request__descriptor,
      handle_end_other_sessions, RPC_FAST },
    { "ChangePassword", &messenger__change_password_request__descriptor, handle_change_password,
      RPC_SLOW },
    { "DeleteAccount", &messenger__delete_account_request__descriptor, handle_delete_account,
      RPC_SLOW },
    { "ResetPassword", &messenger__reset_password_request__descriptor, handle_reset_password,
      RPC_SLOW },
    { "RequestReset", &messenger__request_reset_request__descriptor, handle_request_reset,
      RPC_FAST },
    { "CreateInvite", &messenger__create_invite_request__descriptor, handle_create_invite,
      RPC_FAST },
    { "ListInvites", &messenger__list_invites_request__descriptor, handle_list_invites, RPC_FAST },
    { "RevokeInvite", &messenger__revoke_invite_request__descriptor, handle_revoke_invite,
      RPC_FAST },
    { "ListOwnAudit", &messenger__list_own_audit_request__descriptor, handle_list_own_audit,
      RPC_FAST },
};
const size_t user_method_count = sizeof(user_methods) / sizeof(user_methods[0]);
