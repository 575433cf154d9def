#include "services/message/store/mongo/changes_seen.h"

#include <stdio.h>
#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/message/store/mongo/accounts.h"
#include "services/message/store/mongo/withheld.h"

enum status changes_seen_find_relations(struct reading *reading)
{
    size_t count = reading->concern_count;
    struct relation_pair *pairs = xcalloc(count, sizeof(*pairs));
    struct relation_documents *documents = xcalloc(count, sizeof(*documents));

    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct relation_pair){ reading->owner, reading->concerns[i].peer };
    enum status status = relation_documents_find(reading->db, pairs, count, documents);
    for (size_t i = 0; i < count; i++)
        reading->concerns[i].relations = documents[i];
    free(documents);
    free(pairs);
    return status;
}

void changes_seen_peer_tag(const struct concern *concern, char tag_out[ACCOUNT_NAME_SIZE])
{
    if (*concern->document.peer_tag != '\0')
        snprintf(tag_out, ACCOUNT_NAME_SIZE, "%s", concern->document.peer_tag);
    else
        snprintf(tag_out, ACCOUNT_NAME_SIZE, "@%.*s", ACCOUNT_NAME_SIZE - 2, concern->peer);
}

bool changes_seen_is_superseded(const struct reading *reading, const struct concern *concern)
{
    return message_mongo_accounts_is_in(&reading->superseded, concern->peer);
}

bool changes_seen_is_listed(const struct reading *reading, const struct concern *concern)
{
    return concern->document.last_seq > 0 && !changes_seen_is_superseded(reading, concern);
}

/* Sets the seq of each message of a dialog as the owner counts: they are in order. */
static enum status count_changes(const struct reading *reading, const struct concern *concern,
                                 struct change_list *list)
{
    enum status status = STATUS_OK;
    char tag[ACCOUNT_NAME_SIZE];
    uint64_t withheld;

    changes_seen_peer_tag(concern, tag);
    for (size_t i = 0; i < list->count && status == STATUS_OK; i++) {
        struct message_change *change = &list->items[i];
        if (change->message.text == NULL || !account_name_same(change->peer_tag, tag))
            continue;
        status = message_mongo_withheld_count(reading->db, &concern->conversation, reading->owner,
                                              change->message.seq, &withheld);
        change->message.seq -= withheld;
    }
    return status;
}

enum status changes_seen_count(const struct reading *reading, struct change_list *list)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < reading->concern_count && status == STATUS_OK; i++)
        if (reading->concerns[i].relations.withheld_from_me)
            status = count_changes(reading, &reading->concerns[i], list);
    return status;
}

/* What the owner of each dialog counts, and may see. */
enum status changes_seen_finish_dialogs(const struct reading *reading, struct dialog_list *list)
{
    size_t count = reading->concern_count;
    char(*keys)[ACCOUNT_NAME_SIZE] = xcalloc(count, sizeof(*keys));
    struct dialog_document *documents = xcalloc(count, sizeof(*documents));
    struct relation_documents *decided = xcalloc(count, sizeof(*decided));
    struct relation *relations = xcalloc(count, sizeof(*relations));
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        const struct concern *concern = &reading->concerns[i];
        if (!changes_seen_is_listed(reading, concern))
            continue;
        snprintf(keys[n], ACCOUNT_NAME_SIZE, "%s", concern->peer);
        documents[n] = concern->document;
        decided[n++] = concern->relations;
    }
    enum status status = relation_documents_describe(reading->db, reading->owner,
                                                     (const char(*)[ACCOUNT_NAME_SIZE])keys,
                                                     documents, n, decided, relations);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        const struct relation_pair pair = { reading->owner, keys[i] };
        list->items[i].relation = relations[i];
        status = message_mongo_withheld_adjust_dialog(reading->db, &pair, &decided[i],
                                                      &documents[i], &list->items[i]);
    }
    free(relations);
    free(decided);
    free(documents);
    free(keys);
    return status;
}
