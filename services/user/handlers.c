#include "services/user/handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.pb-c.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/user/handlers_tokens.h"
#include "services/user/user_rules.h"
#include "user.pb-c.h"

enum {
    TAGS_MAX = 1000,
    FIND_MAX = 100,
    IMAGE_BYTES_MAX = 768 * 1024,
};
#define DEFAULT_IMAGE "default.jpg"

/* A protobuf view of a user; borrows from it and from `hex`. */
static void view_user(const struct user *user, char hex[ID_HEX + 1], Messenger__User *view)
{
    messenger__user__init(view);
    id_to_hex(&user->id, hex);
    view->id = hex;
    view->tag = wire_borrow(user->tag);
    view->first_name = wire_borrow(user->first_name);
    view->last_name = wire_borrow(user->last_name);
    view->img = wire_borrow(user->img);
}

static void reply_user(struct rpc_request *call, const struct user *user)
{
    Messenger__User view;
    char hex[ID_HEX + 1];

    view_user(user, hex, &view);
    rpc_request_reply(call, &view.base);
}

static void reply_account(struct rpc_request *call, const struct user *user)
{
    Messenger__Account account = MESSENGER__ACCOUNT__INIT;
    Messenger__User view;
    char hex[ID_HEX + 1];

    view_user(user, hex, &view);
    account.user = &view;
    account.email = wire_borrow(user->email);
    rpc_request_reply(call, &account.base);
}

static void reply_list(struct rpc_request *call, const struct user_list *list)
{
    struct item {
        Messenger__User view;
        char hex[ID_HEX + 1];
    } *items = xcalloc(list->count, sizeof(*items));
    Messenger__User **pointers = xcalloc(list->count, sizeof(*pointers));
    Messenger__UserList reply = MESSENGER__USER_LIST__INIT;

    for (size_t i = 0; i < list->count; i++) {
        view_user(&list->items[i], items[i].hex, &items[i].view);
        pointers[i] = &items[i].view;
    }
    reply.n_users = list->count;
    reply.users = pointers;
    rpc_request_reply(call, &reply.base);
    free(pointers);
    free(items);
}

/* --- accounts ---------------------------------------------------------------------------- */

static const char *check_registration(const struct user_service *service,
                                      const Messenger__RegisterRequest *request, struct user *user)
{
    const char *problem = user_rules_check_tag(request->tag);

    if (problem == NULL)
        problem = user_rules_check_name("firstName", request->first_name, user->first_name);
    if (problem == NULL)
        problem = user_rules_check_name("lastName", request->last_name, user->last_name);
    if (problem == NULL)
        problem = user_rules_check_email(request->email, user->email_key);
    if (problem == NULL)
        problem = user_rules_check_password(request->password, service->password_min);
    if (problem == NULL) {
        snprintf(user->tag, sizeof(user->tag), "%s", request->tag);
        snprintf(user->email, sizeof(user->email), "%s", request->email);
        snprintf(user->img, sizeof(user->img), "%s", DEFAULT_IMAGE);
    }
    return problem;
}

static void publish_registered(struct user_service *service, const struct user *user)
{
    Messenger__UserRegistered event = MESSENGER__USER_REGISTERED__INIT;
    Messenger__User view;
    char hex[ID_HEX + 1];

    view_user(user, hex, &view);
    event.user = &view;
    wire_publish(service->bus, "event.user.registered", &event.base);
}

static void free_password(char *prepared)
{
    if (prepared != NULL)
        memory_wipe(prepared, strlen(prepared));
    free(prepared);
}

static bool hash_prepared(const struct password_cost *cost, const char *password,
                          char hash_out[USER_HASH_SIZE])
{
    char *prepared = user_rules_prepare_password(password);
    bool done = prepared != NULL && password_hash(cost, prepared, hash_out, USER_HASH_SIZE);

    free_password(prepared);
    return done;
}

/*
 * Also a hash of the bytes as they were typed, which was made before passwords were prepared. When
 * these differ from the prepared form, both are hashed whatever the first result is, and whether
 * the user exists or not: the time depends on what was typed, and on nothing else.
 */
static bool verify_password(const char *hash, const char *password)
{
    char *prepared = user_rules_prepare_password(password);
    bool right = false;

    if (prepared != NULL)
        right = password_verify(hash, prepared);
    if (prepared == NULL || strcmp(prepared, password) != 0)
        right |= password_verify(hash, password);
    free_password(prepared);
    return right;
}

static void handle_register(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__RegisterRequest *registration = request;
    struct user user = { .tag = "" };

    const char *problem = check_registration(service, registration, &user);
    if (problem != NULL) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
        return;
    }
    user.id = id_new();
    if (!hash_prepared(&service->cost, registration->password, user.password_hash)) {
        rpc_request_fail(call, STATUS_UNAVAILABLE, "no memory to hash a password");
        return;
    }
    enum status status = user_store_add(service->store, &user);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, "tag or e-mail is taken");
        return;
    }
    publish_registered(service, &user);
    reply_account(call, &user);
}

static void handle_authenticate(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__AuthenticateRequest *login = request;
    char email_key[USER_EMAIL_SIZE] = "";
    struct user user = { .tag = "" };
    enum status status = STATUS_NOT_FOUND;

    if (user_rules_check_email(login->email, email_key) == NULL)
        status = user_store_by_email(service->store, email_key, &user);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        rpc_request_fail(call, status, NULL);
        return;
    }
    bool known = status == STATUS_OK;
    bool right = verify_password(known ? user.password_hash : service->decoy_hash, login->password);
    if (known && right)
        reply_account(call, &user);
    else
        rpc_request_fail(call, STATUS_UNAUTHENTICATED, NULL);
    memory_wipe(user.password_hash, sizeof(user.password_hash));
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
    if (request->img[0] != '\0' && strcmp(request->img, DEFAULT_IMAGE) != 0) {
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

/* The caller: the user with this tag; STATUS_UNAUTHENTICATED when it is another account. */
static enum status load_caller(struct user_service *service, const char *tag, const char *id,
                               char key[TAG_SIZE], struct user *user_out)
{
    struct user_list list;
    const char *keys[] = { key };

    if (!tag_to_key(tag, key))
        return STATUS_UNAUTHENTICATED;
    enum status status = user_store_by_keys(service->store, keys, 1, &list);
    if (status != STATUS_OK)
        return status;
    if (list.count == 1)
        *user_out = list.items[0];
    if (list.count != 1 || (*id != '\0' && !handlers_tokens_is_account(user_out, id)))
        status = STATUS_UNAUTHENTICATED;
    free(list.items);
    return status;
}

/* The announcer notifies the contacts. */
static void handle_update_profile(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__UpdateProfileRequest *wanted = request;
    struct user_update update = { .origin = wanted->origin };
    char key[TAG_SIZE];
    struct user user;

    enum status status = load_caller(service, wanted->tag, wanted->account_id, key, &user);
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
    reply_user(call, &user);
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
    struct user_image put = { image->name, image->content_type, image->data.data, image->data.len };
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
    { "GetUsers", &messenger__get_users_request__descriptor, handle_get_users, RPC_FAST },
    { "FindUsers", &messenger__find_users_request__descriptor, handle_find_users, RPC_FAST },
    { "UpdateProfile", &messenger__update_profile_request__descriptor, handle_update_profile,
      RPC_FAST },
    { "PutImage", &messenger__put_image_request__descriptor, handle_put_image, RPC_FAST },
    { "GetImage", &messenger__get_image_request__descriptor, handle_get_image, RPC_FAST },
    { "RevokeToken", &messenger__revoke_token_request__descriptor, handle_revoke_token, RPC_FAST },
    { "CheckToken", &messenger__check_token_request__descriptor, handle_check_token, RPC_FAST },
    { "FindRevoked", &messenger__find_revoked_request__descriptor, handle_find_revoked, RPC_FAST },
};
const size_t user_method_count = sizeof(user_methods) / sizeof(user_methods[0]);
