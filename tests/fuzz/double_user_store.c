#include "tests/fuzz/double_user_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/user/store/user_store_kind.h"
#include "tests/fuzz/choices.h"

enum { NAME_BYTES_MAX = 256, EMAIL_MAX = 254, DEVICE_MAX = 256, IMAGE_MAX = 768 * 1024 };

static const char *password_hash;

/* --- rows ---------------------------------------------------------------------------------- */

static void copy_text(char *out, size_t size, size_t max)
{
    char *text = choices_text(max);

    snprintf(out, size, "%s", text);
    free(text);
}

/* Most of the time the account that the seeds name. */
static struct id make_id(void)
{
    static const struct id named = { { 0x65, 0xf0, 0xc1, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a } };
    struct id id = { { (unsigned char)choices_byte() } };

    return id.bytes[0] % 8 == 7 ? id : named;
}

static void make_hex(char *out, size_t size)
{
    snprintf(out, size, "%032x", choices_byte());
}

/* A time in the past or in the future, in ms of the wall clock. */
static int64_t make_time_ms(void)
{
    static const int64_t distances[] = { 60 * 60 * 1000, -60 * 60 * 1000, -1000, 0 };

    return clock_wall_ms() + distances[choices_below(sizeof(distances) / sizeof(*distances))];
}

static struct user make_user(const char *key)
{
    struct user user = { .id = make_id() };
    unsigned flags = choices_byte();

    snprintf(user.tag, sizeof(user.tag), "@%s", key);
    copy_text(user.first_name, sizeof(user.first_name), NAME_BYTES_MAX);
    copy_text(user.last_name, sizeof(user.last_name), NAME_BYTES_MAX);
    snprintf(user.img, sizeof(user.img), "%s", flags % 2 == 0 ? "default.jpg" : "0a.png");
    snprintf(user.email, sizeof(user.email), "%s@example.com", key);
    snprintf(user.email_key, sizeof(user.email_key), "%s", user.email);
    snprintf(user.password_hash, sizeof(user.password_hash), "%s",
             flags / 2 % 8 == 7 ? "$argon2id$broken" : password_hash);
    user.revision = choices_number();
    user.session_epoch = flags / 16 % 4;
    user.disabled = flags / 64 == 3;
    return user;
}

static struct user_session make_session(const struct id *account)
{
    struct user_session session = { .account = account != NULL ? *account : make_id() };

    make_hex(session.id, sizeof(session.id));
    session.epoch = choices_byte() % 4;
    copy_text(session.device, sizeof(session.device), DEVICE_MAX);
    snprintf(session.address, sizeof(session.address), "192.0.2.%u", choices_byte());
    session.created_ms = session.seen_ms = make_time_ms();
    session.expires_at_s = make_time_ms() / 1000;
    return session;
}

static struct user_code make_code(const struct id *key)
{
    struct user_code code = { .key = key != NULL ? *key : make_id() };
    unsigned flags = choices_byte();

    code.kind = (enum user_code_kind)(1 + flags % 3);
    code.account = make_id();
    snprintf(code.account_tag, sizeof(code.account_tag), "%s", flags / 4 % 2 == 0 ? "@amy" : "");
    code.created_ms = make_time_ms();
    code.expires_at_s = make_time_ms() / 1000;
    if (flags / 8 % 2 != 0) {
        code.used_ms = make_time_ms();
        snprintf(code.used_by_tag, sizeof(code.used_by_tag), "@bob");
    }
    return code;
}

/* --- users --------------------------------------------------------------------------------- */

static void close_store(struct user_store *store)
{
    (void)store;
}

static const char *find_problem(struct user_store *store)
{
    (void)store;
    return NULL;
}

static enum status add(struct user_store *store, const struct user *user)
{
    (void)store;
    (void)user;
    return choices_status();
}

static enum status by_email(struct user_store *store, const char *email_key, struct user *user_out)
{
    (void)store;
    (void)email_key;
    enum status status = choices_status();
    if (status == STATUS_OK)
        *user_out = make_user("amy");
    return status;
}

static enum status by_keys(struct user_store *store, const char *const *keys, size_t key_count,
                           struct user_list *list_out)
{
    (void)store;
    enum status status = choices_status();
    *list_out = (struct user_list){ .items = NULL };
    if (status != STATUS_OK)
        return status;
    list_out->items = xcalloc(key_count, sizeof(*list_out->items));
    for (size_t i = 0; i < key_count; i++)
        if (choices_byte() % 4 != 3)
            list_out->items[list_out->count++] = make_user(keys[i]);
    return STATUS_OK;
}

/* Of users in the order of their keys. */
static enum status make_users(size_t max, struct user_list *list_out)
{
    enum status status = choices_status();
    char key[TAG_SIZE];

    *list_out = (struct user_list){ .items = NULL };
    if (status != STATUS_OK)
        return status;
    list_out->count = choices_count(max);
    list_out->items = xcalloc(list_out->count, sizeof(*list_out->items));
    for (size_t i = 0; i < list_out->count; i++) {
        snprintf(key, sizeof(key), "u%031zu", i);
        list_out->items[i] = make_user(key);
    }
    return STATUS_OK;
}

static enum status find(struct user_store *store, const char *part, const char *except_key,
                        size_t max, struct user_list *list_out)
{
    (void)store;
    (void)part;
    (void)except_key;
    return make_users(max, list_out);
}

static enum status page(struct user_store *store, const char *after_key, size_t max,
                        struct user_list *list_out)
{
    (void)store;
    (void)after_key;
    return make_users(max, list_out);
}

static enum status update(struct user_store *store, const char *key,
                          const struct user_update *change)
{
    (void)store;
    (void)key;
    (void)change;
    return choices_status();
}

static enum status set_credentials(struct user_store *store, const char *key,
                                   const struct user_credentials *change)
{
    (void)store;
    (void)key;
    (void)change;
    return choices_status();
}

/* --- images -------------------------------------------------------------------------------- */

static enum status put_image(struct user_store *store, const struct user_image *image)
{
    (void)store;
    (void)image;
    return choices_status();
}

static enum status get_image(struct user_store *store, const char *name, char **content_type_out,
                             void **data_out, size_t *size_out)
{
    (void)store;
    (void)name;
    enum status status = choices_status();
    if (status != STATUS_OK)
        return status;
    *content_type_out = xstrdup("image/png");
    *size_out = choices_byte() % 8 == 7 ? IMAGE_MAX : 100;
    *data_out = xcalloc(*size_out, 1);
    return STATUS_OK;
}

static enum status has_image(struct user_store *store, const char *name, bool *has_out)
{
    (void)store;
    (void)name;
    *has_out = choices_byte() % 2 == 0;
    return choices_status();
}

/* --- sessions ------------------------------------------------------------------------------ */

static enum status revoke(struct user_store *store, const char *jti, int64_t expires_at_s,
                          int64_t now_s)
{
    (void)store;
    (void)jti;
    (void)expires_at_s;
    (void)now_s;
    return choices_status();
}

static enum status is_revoked(struct user_store *store, const char *jti, bool *revoked_out)
{
    (void)store;
    (void)jti;
    *revoked_out = choices_byte() % 4 == 3;
    return choices_status();
}

static enum status add_session(struct user_store *store, const struct user_session *session,
                               int64_t now_s)
{
    (void)store;
    (void)session;
    (void)now_s;
    return choices_status();
}

static enum status get_session(struct user_store *store, const char *id,
                               struct user_session *session_out)
{
    (void)store;
    enum status status = choices_status();
    if (status != STATUS_OK)
        return status;
    *session_out = make_session(NULL);
    snprintf(session_out->id, sizeof(session_out->id), "%s", id);
    return STATUS_OK;
}

static enum status touch_session(struct user_store *store, const char *id, int64_t seen_ms,
                                 int64_t expires_at_s, const char *address)
{
    (void)store;
    (void)id;
    (void)seen_ms;
    (void)expires_at_s;
    (void)address;
    return choices_status();
}

static enum status delete_session(struct user_store *store, const char *id)
{
    (void)store;
    (void)id;
    return choices_status();
}

static enum status sessions(struct user_store *store, const struct id *account, size_t max,
                            struct user_session_list *list_out)
{
    (void)store;
    enum status status = choices_status();
    *list_out = (struct user_session_list){ .items = NULL };
    if (status != STATUS_OK)
        return status;
    list_out->count = choices_count(max);
    list_out->items = xcalloc(list_out->count, sizeof(*list_out->items));
    for (size_t i = 0; i < list_out->count; i++)
        list_out->items[i] = make_session(account);
    return STATUS_OK;
}

/* --- codes --------------------------------------------------------------------------------- */

static enum status add_code(struct user_store *store, const struct user_code *code, int64_t now_s)
{
    (void)store;
    (void)code;
    (void)now_s;
    return choices_status();
}

static enum status get_code(struct user_store *store, const struct id *key,
                            struct user_code *code_out)
{
    (void)store;
    enum status status = choices_status();
    if (status == STATUS_OK)
        *code_out = make_code(key);
    return status;
}

static enum status use_code(struct user_store *store, const struct user_code *code,
                            int64_t used_ms_before)
{
    (void)store;
    (void)code;
    (void)used_ms_before;
    return choices_status();
}

static enum status delete_code(struct user_store *store, const struct id *key)
{
    (void)store;
    (void)key;
    return choices_status();
}

static enum status make_codes(size_t max, struct user_code_list *list_out)
{
    enum status status = choices_status();

    *list_out = (struct user_code_list){ .items = NULL };
    if (status != STATUS_OK)
        return status;
    list_out->count = choices_count(max);
    list_out->items = xcalloc(list_out->count, sizeof(*list_out->items));
    for (size_t i = 0; i < list_out->count; i++)
        list_out->items[i] = make_code(NULL);
    return STATUS_OK;
}

static enum status codes(struct user_store *store, enum user_code_kind kind,
                         const struct id *account, size_t max, struct user_code_list *list_out)
{
    (void)store;
    enum status status = make_codes(max, list_out);
    for (size_t i = 0; i < list_out->count; i++) {
        list_out->items[i].kind = kind;
        list_out->items[i].account = *account;
    }
    return status;
}

/* The pages end. */
static enum status code_page(struct user_store *store, const struct id *after, size_t max,
                             struct user_code_list *list_out)
{
    (void)store;
    *list_out = (struct user_code_list){ .items = NULL };
    return after == NULL ? make_codes(max, list_out) : STATUS_OK;
}

/* --- sign-ups that wait -------------------------------------------------------------------- */

static enum status add_pending(struct user_store *store, const struct user_pending *pending,
                               int64_t now_s)
{
    (void)store;
    (void)pending;
    (void)now_s;
    return choices_status();
}

static enum status get_pending(struct user_store *store, const struct id *key,
                               struct user_pending *pending_out)
{
    (void)store;
    enum status status = choices_status();
    if (status == STATUS_OK)
        *pending_out = (struct user_pending){ .key = *key,
                                              .user = make_user("new"),
                                              .expires_at_s = make_time_ms() / 1000 };
    return status;
}

static enum status delete_pending(struct user_store *store, const struct id *key)
{
    (void)store;
    (void)key;
    return choices_status();
}

/* --- failed log-ins ------------------------------------------------------------------------ */

static enum status get_failed(struct user_store *store, const struct id *key,
                              struct failed_logins *counter_out)
{
    (void)store;
    enum status status = choices_status();
    if (status != STATUS_OK)
        return status;
    *counter_out = (struct failed_logins){ .key = *key };
    if (choices_byte() % 2 != 0) {
        counter_out->failures = choices_byte(); /* each cost an attempt */
        counter_out->at_ms = make_time_ms();
        counter_out->expires_ms = make_time_ms();
        counter_out->version = 1;
    }
    return STATUS_OK;
}

static enum status put_failed(struct user_store *store, const struct failed_logins *counter)
{
    (void)store;
    (void)counter;
    return choices_status();
}

static enum status clear_failed(struct user_store *store, const struct id *key)
{
    (void)store;
    (void)key;
    return choices_status();
}

static enum status prune_failed(struct user_store *store, int64_t now_ms, size_t max)
{
    (void)store;
    (void)now_ms;
    (void)max;
    return choices_status();
}

static enum status get_login(struct user_store *store, const struct id *key, int64_t *at_ms_out)
{
    (void)store;
    (void)key;
    *at_ms_out = make_time_ms();
    return choices_status();
}

static enum status put_login(struct user_store *store, const struct id *account,
                             const struct id *key, int64_t at_ms)
{
    (void)store;
    (void)account;
    (void)key;
    (void)at_ms;
    return choices_status();
}

/* --- deletion and the audit log -------------------------------------------------------------- */

static enum status delete_user(struct user_store *store, const char *key,
                               const struct user_deletion *deletion)
{
    (void)store;
    (void)key;
    (void)deletion;
    return choices_status();
}

static enum status drop_image(struct user_store *store, const char *name)
{
    (void)store;
    (void)name;
    return choices_status();
}

static enum status forget_audit(struct user_store *store, const struct id *account)
{
    (void)store;
    (void)account;
    return choices_status();
}

static enum status list_audit(struct user_store *store, const struct user_audit_filter *filter,
                              size_t max, struct user_audit_list *list_out)
{
    (void)store;
    (void)filter;
    enum status status = choices_status();
    *list_out = (struct user_audit_list){ .items = NULL };
    if (status != STATUS_OK)
        return status;
    list_out->count = choices_count(max);
    list_out->items = xcalloc(list_out->count, sizeof(*list_out->items));
    for (size_t i = 0; i < list_out->count; i++) {
        struct user_audit_entry *entry = &list_out->items[i];
        entry->place = (struct user_audit_place){ make_time_ms(), make_id() };
        entry->last_ms = make_time_ms();
        entry->count = choices_byte();
        snprintf(entry->kind, sizeof(entry->kind), "log-in");
        snprintf(entry->outcome, sizeof(entry->outcome), "ok");
        entry->account = make_id();
        snprintf(entry->account_tag, sizeof(entry->account_tag), "@amy");
        snprintf(entry->address, sizeof(entry->address), "192.0.2.1");
        copy_text(entry->device, sizeof(entry->device), DEVICE_MAX);
        make_hex(entry->subject, sizeof(entry->subject));
    }
    return STATUS_OK;
}

/* What is missing is called by no handler. */
static const struct user_store_kind kind = {
    .scheme = "double",
    .close = close_store,
    .problem = find_problem,
    .add = add,
    .by_email = by_email,
    .by_keys = by_keys,
    .find = find,
    .update = update,
    .put_image = put_image,
    .get_image = get_image,
    .has_image = has_image,
    .revoke = revoke,
    .is_revoked = is_revoked,
    .set_credentials = set_credentials,
    .add_session = add_session,
    .get_session = get_session,
    .touch_session = touch_session,
    .delete_session = delete_session,
    .sessions = sessions,
    .add_code = add_code,
    .get_code = get_code,
    .use_code = use_code,
    .delete_code = delete_code,
    .codes = codes,
    .code_page = code_page,
    .add_pending = add_pending,
    .get_pending = get_pending,
    .delete_pending = delete_pending,
    .get_failed = get_failed,
    .put_failed = put_failed,
    .clear_failed = clear_failed,
    .prune_failed = prune_failed,
    .get_login = get_login,
    .put_login = put_login,
    .page = page,
    .delete_user = delete_user,
    .drop_image = drop_image,
    .list_audit = list_audit,
    .forget_audit = forget_audit,
};

struct user_store *double_user_store(const char *hash)
{
    static struct user_store store = { &kind };

    password_hash = hash;
    return &store;
}
