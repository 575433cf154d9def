#include "services/message/store/mongo/relations.h"

#include <stdio.h>
#include <stdlib.h>

#include "services/common/base/array.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"
#include "services/message/store/mongo/accounts.h"
#include "services/message/store/mongo/handle.h"

/* --- documents ----------------------------------------------------------------------------- */

struct decision {
    enum relation_state state;
    bool withheld;
};

static void take_decision(void *ctx, const bson_t *document)
{
    struct decision *decision = xmalloc(sizeof(*decision));

    *decision = (struct decision){ (enum relation_state)mongo_int(document, "state"),
                                   mongo_int(document, "withheld") > 0 };
    free(hashmap_put(ctx, mongo_text(document, "_id"), decision));
}

static struct decision decision_of(struct hashmap *decisions, const char *owner, const char *peer)
{
    static const struct decision none = { RELATION_NONE, false };
    char id[DIALOG_ID_SIZE];

    dialog_document_id(owner, peer, id);
    const struct decision *decision = hashmap_get(decisions, id);
    return decision != NULL ? *decision : none;
}

static void forget_decisions(struct hashmap **decisions)
{
    const char *id;
    void *decision;

    for (size_t cursor = 0; hashmap_next(*decisions, &cursor, &id, &decision);)
        free(decision);
    hashmap_destroy(decisions);
}

enum status relation_documents_find(struct mongo_db *db, const struct relation_pair *pairs,
                                    size_t count, struct relation_documents *documents_out)
{
    struct hashmap *decisions = hashmap_create();
    char(*ids)[DIALOG_ID_SIZE] = xcalloc(2 * count, sizeof(*ids));
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        dialog_document_id(pairs[i].owner, pairs[i].peer, ids[2 * i]);
        dialog_document_id(pairs[i].peer, pairs[i].owner, ids[2 * i + 1]);
    }
    if (count > 0)
        status = mongo_find(db, RELATIONS,
                            documents_filter_any("_id", ids[0], DIALOG_ID_SIZE, 2 * count), NULL,
                            take_decision, decisions);
    for (size_t i = 0; i < count; i++) {
        struct decision mine = decision_of(decisions, pairs[i].owner, pairs[i].peer);
        struct decision theirs = decision_of(decisions, pairs[i].peer, pairs[i].owner);
        documents_out[i] =
            (struct relation_documents){ mine.state, theirs.state, mine.withheld, theirs.withheld };
    }
    forget_decisions(&decisions);
    free(ids);
    return status;
}

struct mongo_upsert relation_documents_put(const struct message_user *owner,
                                           const struct message_user *peer,
                                           enum relation_state state, int64_t now_ms)
{
    char id[DIALOG_ID_SIZE];

    dialog_document_id(owner->key, peer->key, id);
    return (struct mongo_upsert){
        .filter = BCON_NEW("_id", BCON_UTF8(id)),
        .change = BCON_NEW("$set", "{", "ownerTag", BCON_UTF8(owner->tag), "peerTag",
                           BCON_UTF8(peer->tag), "state", BCON_INT32((int32_t)state), "since",
                           BCON_DATE_TIME(now_ms), "}"),
    };
}

struct mongo_upsert relation_documents_note_withheld(const char *owner_key, const char *peer_key,
                                                     uint64_t seq)
{
    char id[DIALOG_ID_SIZE];

    dialog_document_id(owner_key, peer_key, id);
    return (struct mongo_upsert){
        .filter = BCON_NEW("_id", BCON_UTF8(id)),
        .change = BCON_NEW("$max", "{", "withheld", BCON_INT64((int64_t)seq), "}"),
    };
}

struct privacy relation_documents_read_privacy(const bson_t *document)
{
    return (struct privacy){ (enum audience)mongo_int(document, "online"),
                             (enum audience)mongo_int(document, "readMarks") };
}

static void take_privacy(void *ctx, const bson_t *document)
{
    struct privacy *privacy = hashmap_get(ctx, mongo_text(document, "_id"));

    if (privacy != NULL)
        *privacy = relation_documents_read_privacy(document);
}

enum status relation_documents_find_privacies(struct mongo_db *db,
                                              const char (*keys)[ACCOUNT_NAME_SIZE], size_t count,
                                              struct privacy *privacies_out)
{
    struct hashmap *first = hashmap_create(); /* for each key: one may be repeated */
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        privacies_out[i] = (struct privacy){ AUDIENCE_EVERYONE, AUDIENCE_EVERYONE };
        if (hashmap_get(first, keys[i]) == NULL)
            hashmap_put(first, keys[i], &privacies_out[i]);
    }
    if (count > 0)
        status =
            mongo_find(db, PRIVACY, documents_filter_any("_id", keys[0], ACCOUNT_NAME_SIZE, count),
                       NULL, take_privacy, first);
    for (size_t i = 0; i < count; i++)
        privacies_out[i] = *(struct privacy *)hashmap_get(first, keys[i]);
    hashmap_destroy(&first);
    return status;
}

enum status relation_documents_describe(struct mongo_db *db, const char *owner_key,
                                        const char (*keys)[ACCOUNT_NAME_SIZE],
                                        const struct dialog_document *dialogs, size_t count,
                                        const struct relation_documents *documents,
                                        struct relation *relations_out)
{
    char(*users)[ACCOUNT_NAME_SIZE] = xcalloc(count + 1, sizeof(*users));
    struct privacy *privacies = xcalloc(count + 1, sizeof(*privacies));

    for (size_t i = 0; i < count; i++)
        snprintf(users[i], ACCOUNT_NAME_SIZE, "%s", keys[i]);
    snprintf(users[count], ACCOUNT_NAME_SIZE, "%s", owner_key);
    enum status status = relation_documents_find_privacies(
        db, (const char(*)[ACCOUNT_NAME_SIZE])users, count + 1, privacies);
    for (size_t i = 0; i < count; i++)
        relations_out[i] = (struct relation){ .mine = documents[i].mine,
                                              .theirs = documents[i].theirs,
                                              .i_wrote = dialogs[i].out_count > 0,
                                              .they_wrote = dialogs[i].in_count > 0,
                                              .my_privacy = privacies[count],
                                              .their_privacy = privacies[i] };
    free(privacies);
    free(users);
    return status;
}

/* --- changes ------------------------------------------------------------------------------- */

/* A filter for all relations of an owner; the caller destroys it. */
static bson_t *relations_of(const char *owner_key)
{
    return dialog_documents_of(owner_key); /* which have the same ids */
}

/* STATUS_FORBIDDEN: the owner has as many relations as are allowed. */
static enum status check_is_room(struct mongo_db *db, const char *owner_key)
{
    bson_t *filter = relations_of(owner_key);
    uint64_t count = 0;

    BCON_APPEND(filter, "state", "{", "$gt", BCON_INT32(RELATION_NONE), "}");
    enum status status = mongo_count_matching(db, RELATIONS, filter, &count);
    return status == STATUS_OK && count >= RELATIONS_MAX ? STATUS_FORBIDDEN : status;
}

enum status message_mongo_relations_change(struct message_store *store,
                                           struct relation_change *change)
{
    struct mongo_db *db = message_mongo_handle(store)->db;
    const struct relation_pair pair = { change->owner.key, change->peer.key };
    struct relation_documents documents;
    enum relation_state state = RELATION_NONE;

    enum status status = relation_documents_find(db, &pair, 1, &documents);
    if (status == STATUS_OK)
        status = relation_apply(documents.mine, change->action, &state);
    if (status == STATUS_OK && state != RELATION_NONE && documents.mine == RELATION_NONE)
        status = check_is_room(db, change->owner.key);
    if (status != STATUS_OK || state == documents.mine)
        return status;
    struct mongo_upsert upsert =
        relation_documents_put(&change->owner, &change->peer, state, change->now_ms);
    status = mongo_upsert(db, RELATIONS, &upsert, 1, MONGO_DURABLE);
    change->changed = status == STATUS_OK;
    return status;
}

enum status message_mongo_relations_set_privacy(struct message_store *store,
                                                const struct message_user *user,
                                                struct privacy privacy)
{
    struct mongo_upsert upsert = {
        .filter = BCON_NEW("_id", BCON_UTF8(user->key)),
        .change = BCON_NEW("$set", "{", "tag", BCON_UTF8(user->tag), "online",
                           BCON_INT32((int32_t)privacy.online), "readMarks",
                           BCON_INT32((int32_t)privacy.read_marks), "}"),
    };
    return mongo_upsert(message_mongo_handle(store)->db, PRIVACY, &upsert, 1, MONGO_DURABLE);
}

/* --- reads --------------------------------------------------------------------------------- */

struct blocked_reading {
    struct blocked_list *list;
    size_t capacity;
    const struct superseded *superseded;
};

static void take_blocked(void *ctx, const bson_t *document)
{
    struct blocked_reading *reading = ctx;
    struct blocked_list *list = reading->list;
    struct message_user user;

    if (!message_user_set(&user, mongo_text(document, "peerTag")) ||
        message_mongo_accounts_is_in(reading->superseded, user.key))
        return;
    list->items = array_reserve(list->items, list->count, &reading->capacity, sizeof(*list->items));
    struct blocked_user *blocked = &list->items[list->count++];
    snprintf(blocked->tag, ACCOUNT_NAME_SIZE, "%s", user.tag);
    blocked->since_ms = mongo_date(document, "since");
}

enum status message_mongo_relations_blocked(struct message_store *store, const char *owner_key,
                                            struct blocked_list *list_out)
{
    struct superseded superseded;
    struct blocked_reading reading = { .list = list_out, .superseded = &superseded };

    *list_out = (struct blocked_list){ 0 };
    enum status status = message_mongo_accounts_superseded(store, &superseded);
    if (status == STATUS_OK) {
        bson_t *filter = relations_of(owner_key);
        BSON_APPEND_INT32(filter, "state", RELATION_BLOCKED);
        status =
            mongo_find(message_mongo_handle(store)->db, RELATIONS, filter,
                       BCON_NEW("sort", "{", "since", BCON_INT32(-1), "_id", BCON_INT32(1), "}"),
                       take_blocked, &reading);
    }
    message_mongo_accounts_finish(&superseded);
    if (status != STATUS_OK)
        blocked_list_finish(list_out);
    return status;
}

enum status message_mongo_relations_find(struct message_store *store, const char *owner_key,
                                         const char (*keys)[ACCOUNT_NAME_SIZE], size_t count,
                                         struct relation *relations_out)
{
    struct mongo_db *db = message_mongo_handle(store)->db;
    struct relation_pair *pairs = xcalloc(count, sizeof(*pairs));
    struct relation_documents *documents = xcalloc(count, sizeof(*documents));
    struct dialog_document *dialogs = xcalloc(count, sizeof(*dialogs));
    char(*ids)[DIALOG_ID_SIZE] = xcalloc(count, sizeof(*ids));

    for (size_t i = 0; i < count; i++) {
        pairs[i] = (struct relation_pair){ owner_key, keys[i] };
        dialog_document_id(owner_key, keys[i], ids[i]);
    }
    enum status status = relation_documents_find(db, pairs, count, documents);
    if (status == STATUS_OK && count > 0)
        status = dialog_documents_find(db, (const char(*)[DIALOG_ID_SIZE])ids, count, dialogs);
    if (status == STATUS_OK)
        status = relation_documents_describe(db, owner_key, keys, dialogs, count, documents,
                                             relations_out);
    free(ids);
    free(dialogs);
    free(documents);
    free(pairs);
    return status;
}

enum status message_mongo_relations_privacy(struct message_store *store, const char *key,
                                            struct privacy *privacy_out)
{
    char keys[1][ACCOUNT_NAME_SIZE];

    snprintf(keys[0], ACCOUNT_NAME_SIZE, "%s", key);
    return relation_documents_find_privacies(
        message_mongo_handle(store)->db, (const char(*)[ACCOUNT_NAME_SIZE])keys, 1, privacy_out);
}
