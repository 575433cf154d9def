#include "services/user/store/user_store.h"

#include <string.h>

#include "services/common/base/log.h"
#include "services/user/store/user_store_kind.h"

static const struct user_store_kind *const kinds[] = { &user_store_sqlite, &user_store_mongo };

enum status user_store_open(const char *url, struct user_store **store_out)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t length = strlen(kinds[i]->scheme);
        if (strncmp(url, kinds[i]->scheme, length) == 0 && strncmp(url + length, "://", 3) == 0)
            return kinds[i]->open(url, store_out);
    }
    log_error("store.users: no store of the kind \"%.16s\"", url);
    return STATUS_INVALID_ARGUMENT;
}

void user_store_close(struct user_store **store)
{
    if (*store != NULL)
        (*store)->kind->close(*store);
    *store = NULL;
}

const char *user_store_problem(struct user_store *store)
{
    return store->kind->problem(store);
}

enum status user_store_add(struct user_store *store, const struct user *user)
{
    return store->kind->add(store, user);
}

enum status user_store_by_email(struct user_store *store, const char *email_key,
                                struct user *user_out)
{
    return store->kind->by_email(store, email_key, user_out);
}

enum status user_store_by_keys(struct user_store *store, const char *const *keys, size_t key_count,
                               struct user_list *list_out)
{
    return store->kind->by_keys(store, keys, key_count, list_out);
}

enum status user_store_find(struct user_store *store, const char *part, const char *except_key,
                            size_t max, struct user_list *list_out)
{
    return store->kind->find(store, part, except_key, max, list_out);
}

static uint32_t new_revision_step(void)
{
    uint32_t random;

    id_random_bytes(&random, sizeof(random));
    return random % USER_REVISION_STEP_MAX + 1;
}

enum status user_store_update(struct user_store *store, const char *key,
                              const struct user_update *update)
{
    struct user_update stepped = *update;

    stepped.revision_step = new_revision_step();
    return store->kind->update(store, key, &stepped);
}

enum status user_store_unannounced(struct user_store *store, const char *after_key, size_t max,
                                   struct user_list *list_out)
{
    return store->kind->unannounced(store, after_key, max, list_out);
}

enum status user_store_announced(struct user_store *store, const char *key, uint64_t revision,
                                 uint64_t noted)
{
    return store->kind->announced(store, key, revision, noted);
}

enum status user_store_import_profile(struct user_store *store, const char *key,
                                      const struct user *user)
{
    return store->kind->import_profile(store, key, user);
}

enum status user_store_put_image(struct user_store *store, const struct user_image *image)
{
    return store->kind->put_image(store, image);
}

enum status user_store_get_image(struct user_store *store, const char *name,
                                 char **content_type_out, void **data_out, size_t *size_out)
{
    return store->kind->get_image(store, name, content_type_out, data_out, size_out);
}

enum status user_store_has_image(struct user_store *store, const char *name, bool *has_out)
{
    return store->kind->has_image(store, name, has_out);
}

enum status user_store_revoke(struct user_store *store, const char *jti, int64_t expires_at_s,
                              int64_t now_s)
{
    return store->kind->revoke(store, jti, expires_at_s, now_s);
}

enum status user_store_is_revoked(struct user_store *store, const char *jti, bool *revoked_out)
{
    return store->kind->is_revoked(store, jti, revoked_out);
}

enum status user_store_set_credentials(struct user_store *store,
                                       const struct user_credentials *change)
{
    char key[TAG_SIZE];

    if (!tag_to_key(change->before->tag, key))
        return STATUS_CONFLICT;
    return store->kind->set_credentials(store, key, change);
}

enum status user_store_delete(struct user_store *store, const struct user_deletion *deletion)
{
    struct user_deletion stepped = *deletion;
    char key[TAG_SIZE];

    if (!tag_to_key(deletion->before->tag, key))
        return STATUS_CONFLICT;
    stepped.revision_step = new_revision_step();
    return store->kind->delete_user(store, key, &stepped);
}

enum status user_store_forget(struct user_store *store, const struct id *account)
{
    return store->kind->forget(store, account);
}

enum status user_store_set_departure(struct user_store *store, const char *key, uint64_t revision,
                                     unsigned departure)
{
    return store->kind->set_departure(store, key, revision, departure);
}

enum status user_store_purge(struct user_store *store)
{
    return store->kind->purge(store);
}

enum status user_store_drop_image(struct user_store *store, const char *name)
{
    return store->kind->drop_image(store, name);
}

enum status user_store_unused_images(struct user_store *store, int64_t before_ms, size_t max,
                                     struct user_image_names *names_out)
{
    return store->kind->unused_images(store, before_ms, max, names_out);
}

enum status user_store_add_session(struct user_store *store, const struct user_session *session,
                                   int64_t now_s)
{
    return store->kind->add_session(store, session, now_s);
}

enum status user_store_get_session(struct user_store *store, const char *id,
                                   struct user_session *session_out)
{
    return store->kind->get_session(store, id, session_out);
}

enum status user_store_touch_session(struct user_store *store, const char *id, int64_t seen_ms,
                                     int64_t expires_at_s, const char *address)
{
    return store->kind->touch_session(store, id, seen_ms, expires_at_s, address);
}

enum status user_store_delete_session(struct user_store *store, const char *id)
{
    return store->kind->delete_session(store, id);
}

enum status user_store_sessions(struct user_store *store, const struct id *account, size_t max,
                                struct user_session_list *list_out)
{
    return store->kind->sessions(store, account, max, list_out);
}

enum status user_store_session_page(struct user_store *store, const char *after_id, size_t max,
                                    struct user_session_list *list_out)
{
    return store->kind->session_page(store, after_id, max, list_out);
}

enum status user_store_add_code(struct user_store *store, const struct user_code *code,
                                int64_t now_s)
{
    return store->kind->add_code(store, code, now_s);
}

enum status user_store_get_code(struct user_store *store, const struct id *key,
                                struct user_code *code_out)
{
    return store->kind->get_code(store, key, code_out);
}

enum status user_store_use_code(struct user_store *store, const struct user_code *code,
                                int64_t used_ms_before)
{
    return store->kind->use_code(store, code, used_ms_before);
}

enum status user_store_delete_code(struct user_store *store, const struct id *key)
{
    return store->kind->delete_code(store, key);
}

enum status user_store_codes(struct user_store *store, enum user_code_kind kind,
                             const struct id *account, size_t max, struct user_code_list *list_out)
{
    return store->kind->codes(store, kind, account, max, list_out);
}

enum status user_store_code_page(struct user_store *store, const struct id *after, size_t max,
                                 struct user_code_list *list_out)
{
    static const struct id first = { { 0 } };

    return store->kind->code_page(store, after != NULL ? after : &first, max, list_out);
}

enum status user_store_add_pending(struct user_store *store, const struct user_pending *pending,
                                   int64_t now_s)
{
    return store->kind->add_pending(store, pending, now_s);
}

enum status user_store_get_pending(struct user_store *store, const struct id *key,
                                   struct user_pending *pending_out)
{
    return store->kind->get_pending(store, key, pending_out);
}

enum status user_store_delete_pending(struct user_store *store, const struct id *key)
{
    return store->kind->delete_pending(store, key);
}

enum status user_store_get_failed(struct user_store *store, const struct id *key,
                                  struct failed_logins *counter_out)
{
    return store->kind->get_failed(store, key, counter_out);
}

enum status user_store_put_failed(struct user_store *store, const struct failed_logins *counter)
{
    return store->kind->put_failed(store, counter);
}

enum status user_store_clear_failed(struct user_store *store, const struct id *key)
{
    return store->kind->clear_failed(store, key);
}

enum status user_store_prune_failed(struct user_store *store, int64_t now_ms, size_t max)
{
    return store->kind->prune_failed(store, now_ms, max);
}

/* A hash, so that no address is stored. */
static struct id login_key(const struct id *account, const char *network)
{
    char hex[ID_HEX + 1];

    id_to_hex(account, hex);
    return id_from_parts(hex, network);
}

enum status user_store_get_login(struct user_store *store, const struct id *account,
                                 const char *network, int64_t *at_ms_out)
{
    struct id key = login_key(account, network);

    return store->kind->get_login(store, &key, at_ms_out);
}

enum status user_store_put_login(struct user_store *store, const struct id *account,
                                 const char *network, int64_t at_ms)
{
    struct id key = login_key(account, network);

    return store->kind->put_login(store, account, &key, at_ms);
}

enum status user_store_put_audit(struct user_store *store, const struct user_audit_entry *entries,
                                 size_t count)
{
    return count > 0 ? store->kind->put_audit(store, entries, count) : STATUS_OK;
}

enum status user_store_list_audit(struct user_store *store, const struct user_audit_filter *filter,
                                  size_t max, struct user_audit_list *list_out)
{
    return store->kind->list_audit(store, filter, max, list_out);
}

enum status user_store_prune_audit(struct user_store *store, int64_t before_ms,
                                   const size_t max[USER_AUDIT_SHARES])
{
    return store->kind->prune_audit(store, before_ms, max);
}

enum status user_store_forget_audit(struct user_store *store, const struct id *account)
{
    return store->kind->forget_audit(store, account);
}

enum status user_store_page(struct user_store *store, const char *after_key, size_t max,
                            struct user_list *list_out)
{
    return store->kind->page(store, after_key, max, list_out);
}

enum status user_store_image_page(struct user_store *store, const char *after_name, size_t max,
                                  struct user_image_names *names_out)
{
    return store->kind->image_page(store, after_name, max, names_out);
}

enum status user_store_revoked_page(struct user_store *store, const char *after_jti, size_t max,
                                    struct revoked_list *list_out)
{
    return store->kind->revoked_page(store, after_jti, max, list_out);
}

enum status user_store_count(struct user_store *store, struct user_store_counts *counts_out)
{
    return store->kind->count(store, counts_out);
}
