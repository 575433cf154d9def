#include "services/user/access/codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/rpc/wire.h"

enum { ACCOUNT_ADDED_MS = 60 * 1000, DROPPED_MAX = 1000 };

static struct id key_of(enum user_code_kind kind, const char *secret)
{
    return id_from_parts(kind == USER_CODE_INVITE ? "invite" : "reset", secret);
}

enum status codes_make(struct user_service *service, enum user_code_kind kind,
                       const struct user *account, int64_t lifetime_s,
                       char secret_out[CODES_SECRET_SIZE], struct user_code *code_out)
{
    int64_t now_ms = clock_wall_ms();

    id_random_hex(secret_out, (CODES_SECRET_SIZE - 1) / 2);
    *code_out = (struct user_code){ .key = key_of(kind, secret_out), .kind = kind };
    if (account != NULL) {
        code_out->account = account->id;
        snprintf(code_out->account_tag, sizeof(code_out->account_tag), "%s", account->tag);
    }
    code_out->created_ms = now_ms;
    code_out->expires_at_s = now_ms / 1000 + lifetime_s;
    return user_store_add_code(service->store, code_out, now_ms / 1000);
}

/* Whether the account that used it exists. */
static enum status find_user_of(struct user_service *service, const struct user_code *code,
                                bool *exists_out)
{
    char key[TAG_SIZE];
    const char *keys[] = { key };
    struct user_list list = { 0 };
    enum status status = STATUS_OK;

    if (tag_to_key(code->used_by_tag, key))
        status = user_store_by_keys(service->store, keys, 1, &list);
    *exists_out =
        list.count == 1 && memcmp(list.items[0].id.bytes, code->used_by.bytes, ID_BYTES) == 0;
    free(list.items);
    return status;
}

/* An earlier code must not be good when a later one was asked for. */
enum status codes_drop(struct user_service *service, enum user_code_kind kind,
                       const struct user *account)
{
    struct user_code_list list;

    enum status status = user_store_codes(service->store, kind, &account->id, DROPPED_MAX, &list);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < list.count && status == STATUS_OK; i++) {
        status = user_store_delete_code(service->store, &list.items[i].key);
        if (status == STATUS_NOT_FOUND) /* used */
            status = STATUS_OK;
    }
    free(list.items);
    return status;
}

static enum status check_latest(struct user_service *service, const struct user_code *code)
{
    struct user_code_list list;

    if (code->kind == USER_CODE_INVITE)
        return STATUS_OK;
    enum status status = user_store_codes(service->store, code->kind, &code->account, 1, &list);
    if (status != STATUS_OK)
        return status;
    if (list.count == 1 && memcmp(&list.items[0].key, &code->key, sizeof(code->key)) != 0)
        status = STATUS_FORBIDDEN;
    free(list.items);
    return status;
}

static bool is_of_kind(const struct user_code *code, enum user_code_kind kind)
{
    return code->kind == kind || (kind == USER_CODE_RESET && code->kind == USER_CODE_MAILED_RESET);
}

static enum status check_unused(struct user_service *service, const struct user_code *code,
                                int64_t now_ms)
{
    bool exists = true;

    if (code->used_ms == 0)
        return STATUS_OK;
    if (code->kind != USER_CODE_INVITE || now_ms - code->used_ms < ACCOUNT_ADDED_MS)
        return STATUS_FORBIDDEN;
    enum status status = find_user_of(service, code, &exists);
    return status == STATUS_OK && exists ? STATUS_FORBIDDEN : status;
}

enum status codes_find_key(struct user_service *service, enum user_code_kind kind,
                           const struct id *key, struct user_code *code_out)
{
    int64_t now_ms = clock_wall_ms();

    enum status status = user_store_get_code(service->store, key, code_out);
    if (status == STATUS_NOT_FOUND ||
        (status == STATUS_OK &&
         (!is_of_kind(code_out, kind) || code_out->expires_at_s <= now_ms / 1000)))
        return STATUS_FORBIDDEN;
    if (status == STATUS_OK)
        status = check_unused(service, code_out, now_ms);
    return status == STATUS_OK ? check_latest(service, code_out) : status;
}

enum status codes_find(struct user_service *service, enum user_code_kind kind, const char *secret,
                       struct user_code *code_out)
{
    struct id key = key_of(kind, secret);

    if (strnlen(secret, CODES_SECRET_SIZE) != CODES_SECRET_SIZE - 1)
        return STATUS_FORBIDDEN;
    return codes_find_key(service, kind, &key, code_out);
}

enum status codes_use(struct user_service *service, const struct user_code *found,
                      const struct id *user, const char *tag, struct user_code *used_out)
{
    *used_out = *found;
    used_out->used_ms = clock_wall_ms();
    used_out->used_by = *user;
    snprintf(used_out->used_by_tag, sizeof(used_out->used_by_tag), "%s", tag);
    enum status status = user_store_use_code(service->store, used_out, found->used_ms);
    return status == STATUS_CONFLICT ? STATUS_FORBIDDEN : status;
}

void codes_give_back(struct user_service *service, const struct user_code *used)
{
    struct user_code unused = *used;

    unused.used_ms = 0;
    memset(&unused.used_by, 0, sizeof(unused.used_by));
    unused.used_by_tag[0] = '\0';
    enum status status = user_store_use_code(service->store, &unused, used->used_ms);
    if (status != STATUS_OK)
        log_warn("a code that served for nothing stays used: %s", status_name(status));
}

void codes_set_view(const struct user_code *code, const char *secret, char hex[ID_HEX + 1],
                    Messenger__OneTimeCode *view)
{
    messenger__one_time_code__init(view);
    id_to_hex(&code->key, hex);
    view->code = wire_borrow(secret);
    view->id = hex;
    view->expires_at = code->expires_at_s;
}
