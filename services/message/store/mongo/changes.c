#include "services/message/store/mongo/changes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/array.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/message/store/mongo/accounts.h"
#include "services/message/store/mongo/changes_seen.h"
#include "services/message/store/mongo/handle.h"
#include "services/message/store/mongo/repair.h"
#include "services/message/store/mongo/settle.h"

enum { PLACE_SIZE = ACCOUNT_NAME_SIZE + 24 };

/* --- the log ------------------------------------------------------------------------------- */

static bson_t *majority_opts(int order, int64_t limit)
{
    return BCON_NEW("sort", "{", "mod", BCON_INT32(order), "}", "limit", BCON_INT64(limit),
                    "readConcern", "{", "level", "majority", "}");
}

static bool read_kind(const char *name, enum change_kind *kind_out)
{
    static const struct {
        const char *name;
        enum change_kind kind;
    } kinds[] = {
        { "message", CHANGE_NEW_MESSAGE }, /* or sent, as the message says */
        { "read", CHANGE_READ },           { "wasRead", CHANGE_WAS_READ },
        { "profile", CHANGE_CONTACT },     { "self", CHANGE_SELF },
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *kind_out = kinds[i].kind;
            return true;
        }
    }
    return false;
}

static bool is_message(const struct entry *entry)
{
    return entry->kind == CHANGE_NEW_MESSAGE;
}

static void take_entry(void *ctx, const bson_t *document)
{
    struct reading *reading = ctx;

    reading->entries = array_reserve(reading->entries, reading->count, &reading->capacity,
                                     sizeof(*reading->entries));
    struct entry *entry = &reading->entries[reading->count++];
    uint64_t mod = (uint64_t)mongo_int(document, "mod"),
             step = (uint64_t)mongo_int(document, "step");
    *entry = (struct entry){ .mod = mod, .before = mod - (step > 0 ? step : 1) };
    reading->unknown_kind |= !read_kind(mongo_text(document, "kind"), &entry->kind);
    entry->number = (uint64_t)mongo_int(document, is_message(entry) ? "seq" : "count");
    snprintf(entry->peer, ACCOUNT_NAME_SIZE, "%s", mongo_text(document, "peer"));
}

static void take_mod(void *ctx, const bson_t *document)
{
    *(uint64_t *)ctx = (uint64_t)mongo_int(document, "mod");
}

/* A filter for the owner's changes, without steps; the caller destroys it. */
static bson_t *changes_from(const struct reading *reading, uint64_t since)
{
    return BCON_NEW("owner", BCON_UTF8(reading->owner), "mod", "{", "$gte",
                    BCON_INT64((int64_t)since), "}", "kind", "{", "$ne", BCON_UTF8("step"), "}");
}

/*
 * The position first: it is never more than the newest change, so that one beyond what is read
 * afterwards is imported history. From `since` itself on: so it is known to have been.
 */
static enum status read_log(struct reading *reading)
{
    enum status status =
        mongo_find(reading->db, POSITIONS, BCON_NEW("_id", BCON_UTF8(reading->owner)), NULL,
                   take_mod, &reading->floor);
    if (status != STATUS_OK || reading->range.since > INT64_MAX)
        return status;
    status = mongo_find(reading->db, CHANGES, changes_from(reading, reading->range.since),
                        majority_opts(1, (int64_t)reading->range.max + 2), take_entry, reading);
    if (status == STATUS_OK && reading->unknown_kind) {
        log_warn("mongo: a change of a kind that this version does not know");
        return STATUS_UNAVAILABLE;
    }
    return status;
}

/* Truncates the entries to those to list. False: the changes are unknown. */
static bool judge_log(struct reading *reading, struct change_list *list)
{
    uint64_t since = reading->range.since, position = since;
    struct entry *entries = reading->entries;

    if (reading->count > 0 && entries[0].mod == since)
        memmove(entries, entries + 1, --reading->count * sizeof(*entries));
    else if (reading->count == 0 && reading->floor != since)
        return false;
    for (size_t i = 0; i < reading->count; position = entries[i++].mod)
        if (entries[i].before != position)
            return false;
    list->more = reading->count > reading->range.max;
    if (list->more)
        reading->count = reading->range.max;
    list->position = reading->count > 0 ? entries[reading->count - 1].mod : since;
    return list->more || reading->floor <= list->position;
}

/* --- dialogs ------------------------------------------------------------------------------- */

static void plan_concerns(struct reading *reading)
{
    reading->concerns = xcalloc(reading->count, sizeof(struct concern));
    for (size_t i = 0; i < reading->count; i++) {
        struct entry *entry = &reading->entries[i];
        if (entry->kind == CHANGE_SELF)
            continue;
        struct concern *concern = hashmap_get(reading->by_peer, entry->peer);
        if (concern == NULL) {
            concern = &reading->concerns[reading->concern_count++];
            concern->peer = entry->peer;
            concern->conversation = message_conversation_id(reading->owner, entry->peer);
            hashmap_put(reading->by_peer, entry->peer, concern);
        }
        entry->concern = concern;
    }
}

static void take_tags(struct dialog_document *document, const struct message_user *owner,
                      const struct message_user *peer)
{
    if (*document->owner_tag != '\0')
        return;
    snprintf(document->owner_tag, ACCOUNT_NAME_SIZE, "%s", owner->tag);
    snprintf(document->peer_tag, ACCOUNT_NAME_SIZE, "%s", peer->tag);
}

/* Raises the dialog that the fact is of, if it is one of the answer's. */
static void raise_by_fact(struct reading *reading, const struct fact *fact)
{
    bool by_owner = strcmp(fact->from.key, reading->owner) == 0;

    if (!by_owner && strcmp(fact->to.key, reading->owner) != 0)
        return;
    const struct message_user *owner = by_owner ? &fact->from : &fact->to;
    const struct message_user *peer = by_owner ? &fact->to : &fact->from;
    struct concern *concern = hashmap_get(reading->by_peer, peer->key);
    if (concern == NULL)
        return;
    take_tags(&concern->document, owner, peer);
    fact_raise(fact, by_owner, &concern->document);
}

static void raise_by_entries(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        const struct entry *entry = &reading->entries[i];
        struct fact mark = { .kind = FACT_READ, .count = entry->number };
        if (is_message(entry) && entry->number > entry->concern->document.last_seq)
            entry->concern->document.last_seq = entry->number;
        else if (entry->kind == CHANGE_READ || entry->kind == CHANGE_WAS_READ)
            fact_raise(&mark, entry->kind == CHANGE_READ, &entry->concern->document);
    }
}

static enum status find_documents(struct reading *reading)
{
    size_t count = reading->concern_count;
    struct dialog_document *documents = xcalloc(count, sizeof(*documents));
    char(*ids)[DIALOG_ID_SIZE] = xcalloc(count, sizeof(*ids));

    for (size_t i = 0; i < count; i++)
        dialog_document_id(reading->owner, reading->concerns[i].peer, ids[i]);
    enum status status =
        dialog_documents_find(reading->db, (const char(*)[DIALOG_ID_SIZE])ids, count, documents);
    for (size_t i = 0; i < count; i++)
        reading->concerns[i].document = documents[i];
    free(ids);
    free(documents);
    return status;
}

static enum status find_noted(struct reading *reading, struct fact **facts_out, size_t *count_out)
{
    struct id *conversations = xcalloc(reading->concern_count, sizeof(*conversations));

    for (size_t i = 0; i < reading->concern_count; i++)
        conversations[i] = reading->concerns[i].conversation;
    enum status status =
        repair_noted(reading->db, conversations, reading->concern_count, facts_out, count_out);
    free(conversations);
    return status;
}

/* See the header for the order. Without dialogs only what is read of the messages matters: all
 * marks of one come after it, and those up to the position are in the answer. */
static enum status read_concerns(struct reading *reading)
{
    enum status status = STATUS_OK;
    struct fact *facts = NULL;
    size_t count = 0;

    plan_concerns(reading);
    if (reading->concern_count == 0)
        return STATUS_OK;
    if (reading->range.dialogs)
        status = find_noted(reading, &facts, &count);
    if (status == STATUS_OK)
        status = find_documents(reading);
    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        raise_by_fact(reading, &facts[i]);
    if (status == STATUS_OK)
        raise_by_entries(reading);
    free(facts);
    if (status == STATUS_OK)
        status = changes_seen_find_relations(reading);
    return status;
}

/* --- messages ------------------------------------------------------------------------------ */

static void name_place(const char *peer, uint64_t seq, char place_out[PLACE_SIZE])
{
    snprintf(place_out, PLACE_SIZE, "%s/%" PRIu64, peer, seq);
}

static void take_message(void *ctx, const bson_t *document)
{
    struct reading *reading = ctx;
    struct fact fact = { .kind = FACT_MESSAGE };
    struct message *message = xmalloc(sizeof(*message));
    char place[PLACE_SIZE];

    message_document_read(document, message);
    bool readable = message_user_set(&fact.from, message->sender_tag) &&
                    message_user_set(&fact.to, message->receiver_tag);
    bool by_owner = strcmp(fact.from.key, reading->owner) == 0;
    name_place(by_owner ? fact.to.key : fact.from.key, message->seq, place);
    if (!readable || hashmap_get(reading->messages, place) != NULL) {
        free(message->text);
        free(message);
        return;
    }
    fact.seq = message->seq;
    fact.count = message->sender_count;
    fact.date_ms = message->date_ms;
    fact.withheld = message->is_withheld;
    raise_by_fact(reading, &fact);
    hashmap_put(reading->messages, place, message); /* moved */
}

/* { conv, seq: { $in: [those of the changes, the last of the dialog] } } */
static bson_t *messages_of(const struct reading *reading, const struct concern *concern)
{
    bson_t *place = bson_new();
    struct mongo_array seqs;
    bson_t any;

    mongo_append_id(place, "conv", &concern->conversation);
    BSON_APPEND_DOCUMENT_BEGIN(place, "seq", &any);
    mongo_array_begin(&any, "$in", &seqs);
    for (size_t i = 0; i < reading->count; i++)
        if (reading->entries[i].concern == concern && is_message(&reading->entries[i]))
            mongo_array_append_int(&seqs, (int64_t)reading->entries[i].number);
    if (reading->range.dialogs)
        mongo_array_append_int(&seqs, (int64_t)concern->document.last_seq);
    mongo_array_end(&seqs);
    bson_append_document_end(place, &any);
    return place;
}

static enum status read_messages(struct reading *reading)
{
    bson_t *filter = bson_new();
    struct mongo_array places;

    if (reading->concern_count == 0) {
        bson_destroy(filter);
        return STATUS_OK;
    }
    mongo_array_begin(filter, "$or", &places);
    for (size_t i = 0; i < reading->concern_count; i++) {
        bson_t *place = messages_of(reading, &reading->concerns[i]);
        mongo_array_append_document(&places, place);
        bson_destroy(place);
    }
    mongo_array_end(&places);
    return mongo_find(reading->db, MESSAGES, filter, NULL, take_message, reading);
}

/* A copy of a message, as the owner sees it. False when it could not be read. */
static bool copy_message(const struct reading *reading, const struct concern *concern, uint64_t seq,
                         struct message *message_out)
{
    char place[PLACE_SIZE], sender[ACCOUNT_NAME_SIZE];

    name_place(concern->peer, seq, place);
    const struct message *message = hashmap_get(reading->messages, place);
    if (message == NULL)
        return false;
    *message_out = *message;
    message_out->text = xstrdup(message->text);
    bool outgoing =
        account_name_to_key(message->sender_tag, sender) && strcmp(sender, reading->owner) == 0;
    message_out->is_read = !message->is_withheld &&
                           message->sender_count <=
                               (outgoing ? concern->document.out_read : concern->document.in_read);
    return true;
}

/* --- the answer ---------------------------------------------------------------------------- */

/* STATUS_UNAVAILABLE: a message cannot be seen yet, as by a read that hit a member which lags. */
static enum status list_changes(const struct reading *reading, struct change_list *list)
{
    list->items = xcalloc(reading->count, sizeof(*list->items));
    for (size_t i = 0; i < reading->count; i++) {
        const struct entry *entry = &reading->entries[i];
        if (entry->concern != NULL && changes_seen_is_superseded(reading, entry->concern))
            continue;
        struct message_change *change = &list->items[list->count++];
        *change = (struct message_change){ .user_seq = entry->mod, .kind = entry->kind };
        if (entry->concern == NULL)
            continue;
        changes_seen_peer_tag(entry->concern, change->peer_tag);
        if (!is_message(entry))
            continue;
        if (!copy_message(reading, entry->concern, entry->number, &change->message))
            return STATUS_UNAVAILABLE;
        if (!account_name_same(change->message.sender_tag, change->peer_tag))
            change->kind = CHANGE_MESSAGE_SENT;
    }
    return STATUS_OK;
}

static enum status list_dialogs(const struct reading *reading, struct dialog_list *list)
{
    list->items = xcalloc(reading->concern_count, sizeof(*list->items));
    for (size_t i = 0; i < reading->concern_count; i++) {
        const struct concern *concern = &reading->concerns[i];
        const struct dialog_document *document = &concern->document;
        struct dialog *dialog = &list->items[list->count];
        if (!changes_seen_is_listed(reading, concern))
            continue;
        if (!copy_message(reading, concern, document->last_seq, &dialog->last))
            return STATUS_UNAVAILABLE;
        list->count++;
        dialog->conversation = concern->conversation;
        dialog->unread_incoming = dialog_document_unread(document->in_count, document->in_read);
        dialog->unread_outgoing = dialog_document_unread(document->out_count, document->out_read);
        changes_seen_peer_tag(concern, dialog->peer_tag);
    }
    return STATUS_OK;
}

/* A client that gets `reset` reads the dialogs: they must include everything up to the position. */
static enum status reset_list(struct reading *reading, struct change_list *list)
{
    struct fact *facts;
    size_t noted, count = 0;
    uint64_t newest = 0;

    enum status status = mongo_find(reading->db, CHANGES, changes_from(reading, 0),
                                    majority_opts(-1, 1), take_mod, &newest);
    if (status == STATUS_OK)
        status = repair_noted(reading->db, NULL, 0, &facts, &noted);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < noted; i++)
        if (strcmp(facts[i].from.key, reading->owner) == 0 ||
            strcmp(facts[i].to.key, reading->owner) == 0)
            facts[count++] = facts[i];
    status = settle_facts(reading->db, reading->lineage, facts, count, SETTLE_AGAIN);
    free(facts);
    *list = (struct change_list){ .position = newest > reading->floor ? newest : reading->floor,
                                  .reset = true };
    return status;
}

static void finish_reading(struct reading *reading)
{
    const char *place;
    void *message;

    for (size_t cursor = 0; hashmap_next(reading->messages, &cursor, &place, &message);) {
        free(((struct message *)message)->text);
        free(message);
    }
    hashmap_destroy(&reading->messages);
    hashmap_destroy(&reading->by_peer);
    message_mongo_accounts_finish(&reading->superseded);
    free(reading->concerns);
    free(reading->entries);
}

enum status message_mongo_changes_read(struct message_store *store, const char *owner_key,
                                       struct change_range range, struct change_list *list_out)
{
    struct reading reading = { .db = message_mongo_handle(store)->db,
                               .lineage = message_mongo_handle(store)->lineage,
                               .owner = owner_key,
                               .range = range,
                               .by_peer = hashmap_create(),
                               .messages = hashmap_create() };

    *list_out = (struct change_list){ 0 };
    enum status status = read_log(&reading);
    if (status == STATUS_OK && !judge_log(&reading, list_out)) {
        status = reset_list(&reading, list_out);
        reading.count = 0;
    }
    if (status == STATUS_OK)
        status = message_mongo_accounts_superseded(store, &reading.superseded);
    if (status == STATUS_OK)
        status = read_concerns(&reading);
    if (status == STATUS_OK)
        status = read_messages(&reading);
    if (status == STATUS_OK)
        status = list_changes(&reading, list_out);
    if (status == STATUS_OK)
        status = changes_seen_count(&reading, list_out);
    if (status == STATUS_OK && range.dialogs)
        status = list_dialogs(&reading, &list_out->dialogs);
    if (status == STATUS_OK && range.dialogs && list_out->dialogs.count > 0)
        status = changes_seen_finish_dialogs(&reading, &list_out->dialogs);
    finish_reading(&reading);
    if (status != STATUS_OK)
        change_list_finish(list_out);
    return status;
}
