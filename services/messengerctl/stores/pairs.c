#include "services/messengerctl/stores/pairs.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 512 };

static volatile sig_atomic_t stopping;

void pairs_stop(void)
{
    stopping = 1;
}

bool pairs_stopping(void)
{
    return stopping != 0;
}

/* --- lists --------------------------------------------------------------------------------- */

static enum status page_users(struct installation *installation, const void *after, size_t max,
                              void **items_out, size_t *count_out)
{
    char key[ACCOUNT_NAME_SIZE] = "";
    struct user_list list;

    if (after != NULL && !tag_to_key(((const struct user *)after)->tag, key))
        return STATUS_INTERNAL;
    enum status status = user_store_page(installation->users, key, max, &list);
    *items_out = list.items;
    *count_out = list.count;
    return status;
}

static int compare_users(const void *one, const void *other)
{
    char key[ACCOUNT_NAME_SIZE], other_key[ACCOUNT_NAME_SIZE];

    /* A tag that is none has the key "", which is before all others. */
    (void)tag_to_key(((const struct user *)one)->tag, key);
    (void)tag_to_key(((const struct user *)other)->tag, other_key);
    return strcmp(key, other_key);
}

static enum status page_images(struct installation *installation, const void *after, size_t max,
                               void **items_out, size_t *count_out)
{
    const struct user_image_name *last = after;
    struct user_image_names names;

    enum status status =
        user_store_image_page(installation->users, last != NULL ? last->name : "", max, &names);
    *items_out = names.items;
    *count_out = names.count;
    return status;
}

static int compare_images(const void *one, const void *other)
{
    return strcmp(((const struct user_image_name *)one)->name,
                  ((const struct user_image_name *)other)->name);
}

static enum status page_revoked(struct installation *installation, const void *after, size_t max,
                                void **items_out, size_t *count_out)
{
    const struct revoked_token *last = after;
    struct revoked_list list;

    enum status status =
        user_store_revoked_page(installation->users, last != NULL ? last->jti : "", max, &list);
    *items_out = list.items;
    *count_out = list.count;
    return status;
}

static int compare_revoked(const void *one, const void *other)
{
    return strcmp(((const struct revoked_token *)one)->jti,
                  ((const struct revoked_token *)other)->jti);
}

static enum status page_sessions(struct installation *installation, const void *after, size_t max,
                                 void **items_out, size_t *count_out)
{
    const struct user_session *last = after;
    struct user_session_list list;

    enum status status =
        user_store_session_page(installation->users, last != NULL ? last->id : "", max, &list);
    *items_out = list.items;
    *count_out = list.count;
    return status;
}

static int compare_sessions(const void *one, const void *other)
{
    return strcmp(((const struct user_session *)one)->id, ((const struct user_session *)other)->id);
}

static enum status page_codes(struct installation *installation, const void *after, size_t max,
                              void **items_out, size_t *count_out)
{
    const struct user_code *last = after;
    struct user_code_list list;

    enum status status =
        user_store_code_page(installation->users, last != NULL ? &last->key : NULL, max, &list);
    *items_out = list.items;
    *count_out = list.count;
    return status;
}

static int compare_codes(const void *one, const void *other)
{
    return memcmp(((const struct user_code *)one)->key.bytes,
                  ((const struct user_code *)other)->key.bytes, ID_BYTES);
}

static enum status page_dialogs(struct installation *installation, const void *after, size_t max,
                                void **items_out, size_t *count_out)
{
    const struct dialog_record *last = after;
    struct dialog_record_list list;

    enum status status =
        message_store_records(installation->messages, last != NULL ? last->owner.key : "",
                              last != NULL ? last->peer.key : "", max, &list);
    *items_out = list.items;
    *count_out = list.count;
    return status;
}

/* What an owner has with a peer. */
static int compare_owned(const struct message_user *owner, const struct message_user *peer,
                         const struct message_user *other_owner,
                         const struct message_user *other_peer)
{
    int order = strcmp(owner->key, other_owner->key);

    return order != 0 ? order : strcmp(peer->key, other_peer->key);
}

static int compare_dialogs(const void *one, const void *other)
{
    const struct dialog_record *first = one, *second = other;

    return compare_owned(&first->owner, &first->peer, &second->owner, &second->peer);
}

static enum status page_relations(struct installation *installation, const void *after, size_t max,
                                  void **items_out, size_t *count_out)
{
    const struct relation_record *last = after;
    struct relation_record_list list;

    enum status status =
        message_store_relation_records(installation->messages, last != NULL ? last->owner.key : "",
                                       last != NULL ? last->peer.key : "", max, &list);
    *items_out = list.items;
    *count_out = list.count;
    return status;
}

static int compare_relations(const void *one, const void *other)
{
    const struct relation_record *first = one, *second = other;

    return compare_owned(&first->owner, &first->peer, &second->owner, &second->peer);
}

static enum status page_privacies(struct installation *installation, const void *after, size_t max,
                                  void **items_out, size_t *count_out)
{
    const struct privacy_record *last = after;
    struct privacy_record_list list;

    enum status status = message_store_privacy_records(
        installation->messages, last != NULL ? last->user.key : "", max, &list);
    *items_out = list.items;
    *count_out = list.count;
    return status;
}

static int compare_privacies(const void *one, const void *other)
{
    return strcmp(((const struct privacy_record *)one)->user.key,
                  ((const struct privacy_record *)other)->user.key);
}

const struct listing listing_users = { "reading the users", sizeof(struct user), page_users,
                                       compare_users };
const struct listing listing_images = { "reading the names of the pictures",
                                        sizeof(struct user_image_name), page_images,
                                        compare_images };
const struct listing listing_revoked = { "reading the revoked tokens", sizeof(struct revoked_token),
                                         page_revoked, compare_revoked };
const struct listing listing_sessions = { "reading the sessions", sizeof(struct user_session),
                                          page_sessions, compare_sessions };
const struct listing listing_codes = { "reading the invites", sizeof(struct user_code), page_codes,
                                       compare_codes };
const struct listing listing_dialogs = { "reading the dialogs", sizeof(struct dialog_record),
                                         page_dialogs, compare_dialogs };

const struct listing listing_relations = { "reading the relations", sizeof(struct relation_record),
                                           page_relations, compare_relations };
const struct listing listing_privacies = { "reading what users show", sizeof(struct privacy_record),
                                           page_privacies, compare_privacies };

/* --- walking ------------------------------------------------------------------------------- */

/* A position in a list. The page is kept until the next one has been read, which follows its last
 * item. */
struct cursor {
    const struct listing *listing;
    struct installation *installation;
    void *items;
    size_t count, at;
    bool is_last_page;
};

static const void *item_at(const struct cursor *cursor, size_t index)
{
    return (const char *)cursor->items + index * cursor->listing->item_size;
}

/* The item the cursor is at, or NULL at the end. */
static enum status peek_item(struct cursor *cursor, const void **item_out)
{
    *item_out = NULL;
    if (cursor->at == cursor->count && !cursor->is_last_page) {
        const void *last = cursor->count > 0 ? item_at(cursor, cursor->count - 1) : NULL;
        void *items = NULL;
        size_t count = 0;
        enum status status =
            cursor->listing->page(cursor->installation, last, PAGE, &items, &count);
        if (status != STATUS_OK)
            return installation_failed(cursor->installation, status, cursor->listing->reading);
        free(cursor->items);
        cursor->items = items;
        cursor->count = count;
        cursor->at = 0;
        cursor->is_last_page = count < PAGE;
    }
    if (cursor->at < cursor->count)
        *item_out = item_at(cursor, cursor->at);
    return STATUS_OK;
}

/* What both have under the next key; two NULLs at the end of both. */
static enum status next_pair(struct cursor *one, struct cursor *other, const void **item_out,
                             const void **other_item_out)
{
    enum status status = peek_item(one, item_out);

    if (status == STATUS_OK)
        status = peek_item(other, other_item_out);
    if (status != STATUS_OK || *item_out == NULL || *other_item_out == NULL)
        return status;
    int order = one->listing->compare(*item_out, *other_item_out);
    if (order < 0)
        *other_item_out = NULL;
    else if (order > 0)
        *item_out = NULL;
    return STATUS_OK;
}

enum status pairs_walk(const struct listing *listing, struct installation *one,
                       struct installation *other, pair_take *take, void *ctx)
{
    struct cursor first = { .listing = listing, .installation = one };
    struct cursor second = { .listing = listing, .installation = other };
    const void *item, *other_item;

    enum status status = next_pair(&first, &second, &item, &other_item);
    while (status == STATUS_OK && (item != NULL || other_item != NULL)) {
        status = stopping ? STATUS_DEADLINE_EXCEEDED : take(ctx, item, other_item);
        first.at += item != NULL;
        second.at += other_item != NULL;
        if (status == STATUS_OK)
            status = next_pair(&first, &second, &item, &other_item);
    }
    free(first.items);
    free(second.items);
    return status;
}
