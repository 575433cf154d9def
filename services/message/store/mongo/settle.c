#include "services/message/store/mongo/settle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/message/store/mongo/fact_order.h"

enum { TRIES_MAX = 2000, STEPS_MAX = 8 };

void (*settle_step_for_test)(const char *step);

void settle_note_step(const char *step)
{
    if (settle_step_for_test != NULL)
        settle_step_for_test(step);
}

/* The newest number of an owner's sequence. */
struct position {
    const char *owner; /* borrowed */
    uint64_t known;    /* taken, as far as we know */
    uint64_t planned;  /* known, and what this round tries to take */
    bool planned_here; /* in this round */
    int steps;         /* numbers that were found taken, one by one */
};

/* One user's change. */
struct change {
    struct fact *fact;
    const struct message_user *owner, *peer;
    struct position *position;
    uint64_t *mod; /* of the fact; 0 until it is stored */
    char id[CHANGE_ID_SIZE];
};

struct settling {
    struct mongo_db *db;
    struct fact_order order;
    struct change *changes; /* one or two of each fact */
    size_t change_count;
    struct position *positions;
    size_t position_count;
    struct hashmap *by_owner; /* key -> position */
};

/* --- the plan ------------------------------------------------------------------------------ */

static struct position *position_of(struct settling *settling, const char *owner)
{
    struct position *position = hashmap_get(settling->by_owner, owner);

    if (position == NULL) {
        position = &settling->positions[settling->position_count++];
        position->owner = owner;
        hashmap_put(settling->by_owner, owner, position);
    }
    return position;
}

static void name_change(struct change *change)
{
    const struct fact *fact = change->fact;
    char hex[ID_HEX + 1];

    if (fact->kind == FACT_MESSAGE) {
        id_to_hex(&fact->message, hex);
        snprintf(change->id, sizeof(change->id), "%s/%s", change->owner->key, hex);
    } else if (fact->kind == FACT_PROFILE) {
        snprintf(change->id, sizeof(change->id), "%s/profile/%s/%" PRIu64, change->owner->key,
                 change->peer->key, fact->revision);
    } else {
        snprintf(change->id, sizeof(change->id), "%s/%s/%s/%" PRIu64, change->owner->key,
                 change->owner == &fact->from ? "read" : "wasRead", change->peer->key, fact->count);
    }
}

static void add_change(struct settling *settling, struct fact *fact,
                       const struct message_user *owner, const struct message_user *peer,
                       uint64_t *mod)
{
    struct change *change = &settling->changes[settling->change_count++];

    *mod = 0;
    *change = (struct change){ .fact = fact,
                               .owner = owner,
                               .peer = peer,
                               .position = position_of(settling, owner->key),
                               .mod = mod };
    name_change(change);
}

static enum status plan_changes(struct settling *settling, struct mongo_db *db, struct fact *facts,
                                size_t count)
{
    *settling = (struct settling){ .db = db };
    enum status status = fact_order_make(db, facts, count, &settling->order);
    if (status != STATUS_OK)
        return status;
    settling->changes = xcalloc(2 * settling->order.count, sizeof(struct change));
    settling->positions = xcalloc(2 * settling->order.count, sizeof(struct position));
    settling->by_owner = hashmap_create();
    for (size_t i = 0; i < settling->order.count; i++) {
        struct fact *fact = settling->order.facts[i];
        fact->repeated = !fact->fresh;
        fact->from_mod = 0;
        if (fact->kind != FACT_PROFILE) /* of which the user has a fact of its own */
            add_change(settling, fact, &fact->from, &fact->to, &fact->from_mod);
        add_change(settling, fact, &fact->to, &fact->from, &fact->to_mod);
    }
    return STATUS_OK;
}

static void finish_settling(struct settling *settling)
{
    hashmap_destroy(&settling->by_owner);
    free(settling->positions);
    free(settling->changes);
    fact_order_finish(&settling->order);
}

/* --- sequences ----------------------------------------------------------------------------- */

static void take_position(void *ctx, const bson_t *document)
{
    struct position *position = hashmap_get(ctx, mongo_text(document, "_id"));

    if (position != NULL)
        position->known = (uint64_t)mongo_int(document, "mod");
}

/* They may be behind; the unique key detects it. */
static enum status read_positions(struct settling *settling)
{
    char(*owners)[ACCOUNT_NAME_SIZE] = xcalloc(settling->position_count, sizeof(*owners));

    for (size_t i = 0; i < settling->position_count; i++)
        snprintf(owners[i], ACCOUNT_NAME_SIZE, "%s", settling->positions[i].owner);
    bson_t *filter =
        documents_filter_any("_id", owners[0], ACCOUNT_NAME_SIZE, settling->position_count);
    free(owners);
    return mongo_find(settling->db, POSITIONS, filter, NULL, take_position, settling->by_owner);
}

static void take_mod(void *ctx, const bson_t *document)
{
    *(uint64_t *)ctx = (uint64_t)mongo_int(document, "mod");
}

enum status settle_position(struct mongo_db *db, const char *owner_key, uint64_t *mod_out)
{
    uint64_t newest = 0, at_least = 0;

    /* A store that was copied knows the position, not the changes that led to it. */
    enum status status =
        mongo_find(db, CHANGES, BCON_NEW("owner", BCON_UTF8(owner_key)),
                   BCON_NEW("sort", "{", "mod", BCON_INT32(-1), "}", "limit", BCON_INT64(1)),
                   take_mod, &newest);
    if (status == STATUS_OK)
        status = mongo_find(db, POSITIONS, BCON_NEW("_id", BCON_UTF8(owner_key)), NULL, take_mod,
                            &at_least);
    *mod_out = newest > at_least ? newest : at_least;
    return status;
}

static bool is_self(const struct change *change)
{
    return strcmp(change->owner->key, change->peer->key) == 0;
}

static bson_t *change_document(const struct change *change, uint64_t mod)
{
    const struct fact *fact = change->fact;
    bson_t *document =
        BCON_NEW("_id", BCON_UTF8(change->id), "owner", BCON_UTF8(change->owner->key), "mod",
                 BCON_INT64((int64_t)mod), "peer", BCON_UTF8(change->peer->key));

    if (fact->kind == FACT_MESSAGE) {
        BSON_APPEND_UTF8(document, "kind", "message");
        BSON_APPEND_INT64(document, "seq", (int64_t)fact->seq);
    } else if (fact->kind == FACT_PROFILE) {
        BSON_APPEND_UTF8(document, "kind", is_self(change) ? "self" : "profile");
        BSON_APPEND_INT64(document, "revision", (int64_t)fact->revision);
    } else {
        BSON_APPEND_UTF8(document, "kind", change->owner == &fact->from ? "read" : "wasRead");
        BSON_APPEND_INT64(document, "count", (int64_t)fact->count);
    }
    return document;
}

/* The numbers below one that is taken are taken, too. */
static void raise_known(struct position *position, uint64_t mod)
{
    if (mod > position->known)
        position->known = mod;
}

static void take_known(void *ctx, const bson_t *document)
{
    struct change *change = hashmap_get(ctx, mongo_text(document, "_id"));

    if (change != NULL)
        *change->mod = (uint64_t)mongo_int(document, "mod");
}

/* Finds those that are stored already, all at once. */
static enum status read_known_changes(struct settling *settling)
{
    char(*ids)[CHANGE_ID_SIZE] = xcalloc(settling->change_count, sizeof(*ids));
    struct hashmap *by_id = hashmap_create();
    size_t n = 0;

    for (size_t i = 0; i < settling->change_count; i++) {
        struct change *change = &settling->changes[i];
        if (*change->mod != 0 || hashmap_get(by_id, change->id) != NULL)
            continue;
        snprintf(ids[n++], CHANGE_ID_SIZE, "%s", change->id);
        hashmap_put(by_id, change->id, change);
    }
    enum status status = STATUS_OK;
    if (n > 0)
        status = mongo_find(settling->db, CHANGES,
                            documents_filter_any("_id", ids[0], CHANGE_ID_SIZE, n), NULL,
                            take_known, by_id);
    for (size_t i = 0; i < settling->change_count; i++) {
        struct change *change = &settling->changes[i];
        const struct change *first = hashmap_get(by_id, change->id);
        if (first == NULL)
            continue;
        *change->mod = *first->mod;
        raise_known(change->position, *change->mod);
    }
    hashmap_destroy(&by_id);
    free(ids);
    return status;
}

/*
 * A duplicate key: of the same change, inserted before, or of another change with the number
 * `tried`. In the second case the next number is tried, unless this is repeated: then the position
 * was far behind.
 */
static enum status resolve_change(struct settling *settling, struct change *change, uint64_t tried,
                                  bool *made_by_another_out)
{
    struct position *position = change->position;

    enum status status = mongo_find(settling->db, CHANGES, BCON_NEW("_id", BCON_UTF8(change->id)),
                                    NULL, take_mod, change->mod);
    if (status == STATUS_OK && *change->mod != 0)
        *made_by_another_out = true;
    raise_known(position, *change->mod != 0 ? *change->mod : tried);
    if (status != STATUS_OK || *change->mod != 0 || ++position->steps <= STEPS_MAX)
        return status;
    position->steps = 0;
    return settle_position(settling->db, position->owner, &position->known);
}

/* One try for all changes that are not stored yet. `left_out`: how many still are not. */
static enum status store_change_round(struct settling *settling, size_t *left_out)
{
    bson_t **documents = xcalloc(settling->change_count, sizeof(*documents));
    struct change **tried = xcalloc(settling->change_count, sizeof(struct change *));
    enum status *outcomes = xcalloc(settling->change_count, sizeof(*outcomes));
    bool ordered = false; /* must they be, because one owner has several? */
    bool met_another = false;
    size_t n = 0;

    for (size_t i = 0; i < settling->position_count; i++) {
        settling->positions[i].planned = settling->positions[i].known;
        settling->positions[i].planned_here = false;
    }
    for (size_t i = 0; i < settling->change_count; i++) {
        struct change *change = &settling->changes[i];
        if (*change->mod != 0)
            continue;
        ordered = ordered || change->position->planned_here;
        change->position->planned_here = true;
        documents[n] = change_document(change, ++change->position->planned);
        tried[n++] = change;
    }
    enum status status = mongo_insert(settling->db, CHANGES, documents, n, ordered, outcomes);
    for (size_t i = 0; i < n; i++) {
        uint64_t mod = (uint64_t)mongo_int(documents[i], "mod");
        if (status == STATUS_OK && outcomes[i] == STATUS_OK) {
            tried[i]->position->known = *tried[i]->mod = mod;
            tried[i]->fact->repeated = false;
        } else if (status == STATUS_OK && outcomes[i] == STATUS_ALREADY_EXISTS) {
            status = resolve_change(settling, tried[i], mod, &met_another);
        }
        bson_destroy(documents[i]);
    }
    if (status == STATUS_OK && met_another) /* if one of them exists, more are likely to */
        status = read_known_changes(settling);
    *left_out = 0;
    for (size_t i = 0; i < n; i++)
        *left_out += *tried[i]->mod == 0;
    free(outcomes);
    free(tried);
    free(documents);
    return status;
}

static enum status store_changes(struct settling *settling, enum settle_mode mode)
{
    enum status status = mode == SETTLE_AGAIN ? read_known_changes(settling) : STATUS_OK;
    size_t left = settling->change_count;

    if (status == STATUS_OK)
        status = read_positions(settling);

    /* Each round that leaves something has met another process that went on. */
    for (int tries = 0; status == STATUS_OK && left > 0; tries++) {
        if (tries == TRIES_MAX) {
            log_warn("mongo: no number could be had for %zu changes", left);
            return STATUS_UNAVAILABLE;
        }
        status = store_change_round(settling, &left);
    }
    return status;
}

/* --- what follows -------------------------------------------------------------------------- */

/* What all changes of one dialog make of it: of each number the greatest. */
struct dialog_change {
    const struct change *any;
    char id[DIALOG_ID_SIZE];
    struct dialog_document numbers;
};

static void raise(uint64_t *number, uint64_t value)
{
    if (value > *number)
        *number = value;
}

static void count_in(struct dialog_change *dialog, const struct change *change)
{
    fact_raise(change->fact, change->owner == &change->fact->from, &dialog->numbers);
    raise(&dialog->numbers.mod, *change->mod);
    if (change->fact->kind == FACT_MESSAGE)
        raise(&dialog->numbers.last_mod, *change->mod);
}

static void append_number(bson_t *numbers, const char *field, uint64_t value)
{
    if (value > 0)
        bson_append_int64(numbers, field, -1, (int64_t)value);
}

static struct mongo_upsert dialog_upsert(const struct dialog_change *dialog)
{
    const struct dialog_document *numbers = &dialog->numbers;
    bson_t raised = BSON_INITIALIZER;

    append_number(&raised, "lastSeq", numbers->last_seq);
    append_number(&raised, "inCount", numbers->in_count);
    append_number(&raised, "outCount", numbers->out_count);
    append_number(&raised, "inRead", numbers->in_read);
    append_number(&raised, "outRead", numbers->out_read);
    append_number(&raised, "lastMod", numbers->last_mod);
    append_number(&raised, "mod", numbers->mod);
    if (numbers->last_seq > 0)
        BSON_APPEND_DATE_TIME(&raised, "lastDate", numbers->last_date_ms);
    struct mongo_upsert upsert = {
        .filter = BCON_NEW("_id", BCON_UTF8(dialog->id)),
        .change = BCON_NEW("$max", BCON_DOCUMENT(&raised), "$setOnInsert", "{", "ownerTag",
                           BCON_UTF8(dialog->any->owner->tag), "peerTag",
                           BCON_UTF8(dialog->any->peer->tag), "}"),
    };
    bson_destroy(&raised);
    return upsert;
}

static enum status update_dialogs(struct settling *settling)
{
    struct dialog_change *dialogs = xcalloc(settling->change_count, sizeof(*dialogs));
    struct mongo_upsert *upserts = xcalloc(settling->change_count, sizeof(*upserts));
    struct hashmap *by_id = hashmap_create();
    size_t n = 0;

    for (size_t i = 0; i < settling->change_count; i++) {
        const struct change *change = &settling->changes[i];
        char id[DIALOG_ID_SIZE];
        if (is_self(change) || *change->mod == 0)
            continue;
        dialog_document_id(change->owner->key, change->peer->key, id);
        struct dialog_change *dialog = hashmap_get(by_id, id);
        if (dialog == NULL) {
            dialog = &dialogs[n++];
            dialog->any = change;
            snprintf(dialog->id, sizeof(dialog->id), "%s", id);
            hashmap_put(by_id, id, dialog);
        }
        count_in(dialog, change);
    }
    for (size_t i = 0; i < n; i++)
        upserts[i] = dialog_upsert(&dialogs[i]);
    enum status status = mongo_upsert(settling->db, DIALOGS, upserts, n, MONGO_DURABLE);
    hashmap_destroy(&by_id);
    free(upserts);
    free(dialogs);
    return status;
}

static enum status update_positions(struct settling *settling)
{
    struct mongo_upsert *upserts = xcalloc(settling->position_count, sizeof(*upserts));

    for (size_t i = 0; i < settling->position_count; i++) {
        const struct position *position = &settling->positions[i];
        upserts[i].filter = BCON_NEW("_id", BCON_UTF8(position->owner));
        upserts[i].change = BCON_NEW("$max", "{", "mod", BCON_INT64((int64_t)position->known), "}");
    }
    enum status status =
        mongo_upsert(settling->db, POSITIONS, upserts, settling->position_count, MONGO_HINT);
    free(upserts);
    return status;
}

enum status settle_facts(struct mongo_db *db, struct fact *facts, size_t count,
                         enum settle_mode mode)
{
    struct settling settling;

    if (count == 0)
        return STATUS_OK;
    enum status status = plan_changes(&settling, db, facts, count);
    if (status != STATUS_OK)
        return status;
    if (settling.order.earlier_count > 0)
        mode = SETTLE_AGAIN; /* their writers are settling them */
    status = store_changes(&settling, mode);
    settle_note_step("changes");
    if (status == STATUS_OK)
        status = update_dialogs(&settling);
    settle_note_step("dialogs");
    if (status == STATUS_OK)
        status = update_positions(&settling);
    settle_note_step("positions");
    finish_settling(&settling);
    return status;
}
