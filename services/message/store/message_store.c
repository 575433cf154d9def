#include "services/message/store/message_store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/log.h"
#include "services/message/store/message_store_kind.h"

static const struct message_store_kind *const kinds[] = { &message_store_sqlite,
                                                          &message_store_mongo };

enum status message_store_open(const char *url, struct message_store **store_out)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t length = strlen(kinds[i]->scheme);
        if (strncmp(url, kinds[i]->scheme, length) == 0 && strncmp(url + length, "://", 3) == 0)
            return kinds[i]->open(url, store_out);
    }
    log_error("store.messages: no store of the kind \"%.16s\"", url);
    return STATUS_INVALID_ARGUMENT;
}

void message_store_close(struct message_store **store)
{
    if (*store != NULL)
        (*store)->kind->close(*store);
    *store = NULL;
}

const char *message_store_problem(struct message_store *store)
{
    return store->kind->problem(store);
}

void message_store_on_reported(struct message_store *store, void (*reported)(void *ctx), void *ctx)
{
    store->kind->on_reported(store, reported, ctx);
}

enum status message_store_claim(struct message_store *store, const char *tag,
                                const char *account_id, struct message_user *user_out)
{
    struct id ignored;

    if (!tag_is_valid(tag) || !message_user_set(user_out, tag) ||
        !id_from_hex(account_id, &ignored))
        return STATUS_INVALID_ARGUMENT;
    return store->kind->claim(store, user_out, account_id);
}

enum status message_store_send(struct message_store *store, struct message_send *send)
{
    return store->kind->send(store, send);
}

enum status message_store_mark_read(struct message_store *store, struct message_mark *mark)
{
    return store->kind->mark_read(store, mark);
}

enum status message_store_dialogs(struct message_store *store, const char *owner_key,
                                  uint32_t start, uint32_t end, struct dialog_list *list_out)
{
    return store->kind->dialogs(store, owner_key, start, end, list_out);
}

enum status message_store_messages(struct message_store *store, const char *owner_key,
                                   const char *peer_key, struct message_range range,
                                   struct message_list *list_out)
{
    return store->kind->messages(store, owner_key, peer_key, range, list_out);
}

enum status message_store_contacts(struct message_store *store, const char *owner_key,
                                   struct message_contacts *contacts_out)
{
    return store->kind->contacts(store, owner_key, contacts_out);
}

enum status message_store_relate(struct message_store *store, struct relation_change *change)
{
    change->changed = false;
    return store->kind->relate(store, change);
}

enum status message_store_blocked(struct message_store *store, const char *owner_key,
                                  struct blocked_list *list_out)
{
    return store->kind->blocked(store, owner_key, list_out);
}

enum status message_store_relations(struct message_store *store, const char *owner_key,
                                    const char (*keys)[ACCOUNT_NAME_SIZE], size_t count,
                                    struct relation *relations_out)
{
    return store->kind->relations(store, owner_key, keys, count, relations_out);
}

enum status message_store_privacy(struct message_store *store, const char *key,
                                  struct privacy *privacy_out)
{
    return store->kind->privacy(store, key, privacy_out);
}

enum status message_store_set_privacy(struct message_store *store, const struct message_user *user,
                                      struct privacy privacy)
{
    return store->kind->set_privacy(store, user, privacy);
}

enum status message_store_epoch(struct message_store *store, char epoch_out[EPOCH_SIZE])
{
    return store->kind->epoch(store, epoch_out);
}

enum status message_store_renew(struct message_store *store)
{
    return store->kind->renew(store);
}

enum status message_store_changes(struct message_store *store, const char *owner_key,
                                  struct change_range range, struct change_list *list_out)
{
    assert(range.max > 0);
    return store->kind->changes(store, owner_key, range, list_out);
}

enum status message_store_positions(struct message_store *store,
                                    const char (*keys)[ACCOUNT_NAME_SIZE], size_t count,
                                    uint64_t *positions_out)
{
    return store->kind->positions(store, keys, count, positions_out);
}

enum status message_store_note_profile(struct message_store *store, struct message_profile *profile)
{
    return store->kind->note_profile(store, profile);
}

enum status message_store_erase(struct message_store *store, struct message_erasure *erasure)
{
    return store->kind->erase(store, erasure);
}

enum status message_store_expire(struct message_store *store, struct message_expiry *expiry)
{
    return store->kind->expire(store, expiry);
}

enum status message_store_add_usage(struct message_store *store, struct message_usage *usage,
                                    size_t count)
{
    assert(count <= MESSAGE_USAGE_MAX);
    return store->kind->add_usage(store, usage, count);
}

enum status message_store_purge(struct message_store *store)
{
    return store->kind->purge(store);
}

enum status message_store_records(struct message_store *store, const char *after_owner_key,
                                  const char *after_peer_key, size_t max,
                                  struct dialog_record_list *list_out)
{
    return store->kind->records(store, after_owner_key, after_peer_key, max, list_out);
}

enum status message_store_newest_seq(struct message_store *store, const char *key,
                                     const char *other_key, uint64_t *seq_out)
{
    return store->kind->newest_seq(store, key, other_key, seq_out);
}

/* Newest first, without holes, all of the same two users? */
static bool is_stretch(const struct message_list *messages)
{
    const struct message *first = &messages->items[0];

    for (size_t i = 0; i < messages->count; i++) {
        const struct message *message = &messages->items[i];
        bool forth = account_name_same(message->sender_tag, first->sender_tag) &&
                     account_name_same(message->receiver_tag, first->receiver_tag);
        bool back = account_name_same(message->sender_tag, first->receiver_tag) &&
                    account_name_same(message->receiver_tag, first->sender_tag);
        if (message->seq == 0 || message->seq + i != first->seq || (!forth && !back))
            return false;
    }
    return true;
}

enum status message_store_import(struct message_store *store, const struct message_list *messages)
{
    char key[ACCOUNT_NAME_SIZE], other_key[ACCOUNT_NAME_SIZE];
    uint64_t newest;

    if (messages->count == 0)
        return STATUS_OK;
    if (!is_stretch(messages) || !account_name_to_key(messages->items[0].sender_tag, key) ||
        !account_name_to_key(messages->items[0].receiver_tag, other_key) ||
        strcmp(key, other_key) == 0)
        return STATUS_INVALID_ARGUMENT;
    enum status status = message_store_newest_seq(store, key, other_key, &newest);
    if (status != STATUS_OK)
        return status;
    if (messages->items[messages->count - 1].seq > newest + 1)
        return STATUS_INVALID_ARGUMENT;
    return store->kind->import(store, messages);
}

enum status message_store_import_dialogs(struct message_store *store,
                                         const struct dialog_record *records, size_t count)
{
    return count > 0 ? store->kind->import_dialogs(store, records, count) : STATUS_OK;
}

enum status message_store_count(struct message_store *store,
                                struct message_store_counts *counts_out)
{
    return store->kind->count(store, counts_out);
}

enum status message_store_relation_records(struct message_store *store, const char *after_owner_key,
                                           const char *after_peer_key, size_t max,
                                           struct relation_record_list *list_out)
{
    return store->kind->relation_records(store, after_owner_key, after_peer_key, max, list_out);
}

enum status message_store_import_relation(struct message_store *store,
                                          const struct relation_record *record)
{
    return store->kind->import_relation(store, record);
}

enum status message_store_privacy_records(struct message_store *store, const char *after_key,
                                          size_t max, struct privacy_record_list *list_out)
{
    return store->kind->privacy_records(store, after_key, max, list_out);
}
