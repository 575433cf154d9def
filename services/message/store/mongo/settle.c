#include "services/message/store/mongo/settle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/message/store/mongo/fact_order.h"
#include "services/message/store/mongo/sequence.h"
#include "services/message/store/mongo/withheld.h"

enum { TRIES_MAX = 2000 };

void (*settle_step_for_test)(const char *step);

void settle_note_step(const char *step)
{
    if (settle_step_for_test != NULL)
        settle_step_for_test(step);
}

/* What a round tries to take of an owner's sequence. */
struct position {
    uint64_t planned;  /* the last number; at first, the newest known */
    uint64_t given;    /* the change's before */
    bool planned_here; /* in this round */
};

/* One user's change. */
struct change {
    struct fact *fact;
    const struct message_user *owner, *peer;
    size_t position; /* of the owner */
    uint64_t *mod;   /* of the fact; 0 until it is stored */
    char id[CHANGE_ID_SIZE];
};

struct settling {
    struct mongo_db *db;
    struct sequence_writer writer;
    struct fact_order order;
    struct change *changes; /* one or two of each fact */
    size_t change_count;
    struct sequence *sequences;
    struct position *positions; /* of each sequence */
    size_t position_count;
    struct hashmap *by_owner; /* key -> sequence */
};

/* --- the plan ------------------------------------------------------------------------------ */

static size_t position_of(struct settling *settling, const char *owner)
{
    struct sequence *sequence = hashmap_get(settling->by_owner, owner);

    if (sequence == NULL) {
        sequence = &settling->sequences[settling->position_count++];
        sequence->owner = owner;
        hashmap_put(settling->by_owner, owner, sequence);
    }
    return (size_t)(sequence - settling->sequences);
}

static struct sequence *sequence_of(struct settling *settling, const struct change *change)
{
    return &settling->sequences[change->position];
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

static enum status plan_changes(struct settling *settling, struct mongo_db *db,
                                struct message_mongo_lineage *lineage, struct fact *facts,
                                size_t count)
{
    *settling = (struct settling){ .db = db, .writer = sequence_writer_of(db, lineage) };
    enum status status = fact_order_make(db, facts, count, &settling->order);
    if (status != STATUS_OK)
        return status;
    settling->changes = xcalloc(2 * settling->order.count, sizeof(struct change));
    settling->sequences = xcalloc(2 * settling->order.count, sizeof(struct sequence));
    settling->positions = xcalloc(2 * settling->order.count, sizeof(struct position));
    settling->by_owner = hashmap_create();
    for (size_t i = 0; i < settling->order.count; i++) {
        struct fact *fact = settling->order.facts[i];
        fact->repeated = !fact->fresh;
        fact->from_mod = 0;
        if (fact->kind != FACT_PROFILE) /* of which the user has a fact of its own */
            add_change(settling, fact, &fact->from, &fact->to, &fact->from_mod);
        fact->to_mod = 0;
        if (!fact->withheld && !fact->secret)
            add_change(settling, fact, &fact->to, &fact->from, &fact->to_mod);
    }
    return STATUS_OK;
}

static void finish_settling(struct settling *settling)
{
    hashmap_destroy(&settling->by_owner);
    free(settling->positions);
    free(settling->sequences);
    free(settling->changes);
    fact_order_finish(&settling->order);
}

/* --- sequences ----------------------------------------------------------------------------- */

static void take_position(void *ctx, const bson_t *document)
{
    struct sequence *sequence = hashmap_get(ctx, mongo_text(document, "_id"));

    if (sequence != NULL)
        sequence_raise(sequence, (uint64_t)mongo_int(document, "mod"));
}

/* They may be behind; the unique key detects it. */
static enum status read_positions(struct settling *settling)
{
    char(*owners)[ACCOUNT_NAME_SIZE] = xcalloc(settling->position_count, sizeof(*owners));

    for (size_t i = 0; i < settling->position_count; i++)
        snprintf(owners[i], ACCOUNT_NAME_SIZE, "%s", settling->sequences[i].owner);
    bson_t *filter =
        documents_filter_any("_id", owners[0], ACCOUNT_NAME_SIZE, settling->position_count);
    free(owners);
    return mongo_find(settling->db, POSITIONS, filter, NULL, take_position, settling->by_owner);
}

static bool is_self(const struct change *change)
{
    return strcmp(change->owner->key, change->peer->key) == 0;
}

/* `step`: how much greater the number is than that of the owner's change before. */
static bson_t *change_document(const struct change *change, uint64_t mod, uint64_t step)
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
    if (step > 1)
        BSON_APPEND_INT64(document, "step", (int64_t)step);
    return document;
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
        sequence_raise(sequence_of(settling, change), *change->mod);
    }
    hashmap_destroy(&by_id);
    free(ids);
    return status;
}

/* What one round tries to insert. */
struct round {
    bson_t **documents;
    struct change **tried; /* of each document */
    enum status *outcomes;
    size_t count;
    bool ordered; /* must they be, because one owner has several? */
};

static void plan_round(struct settling *settling, struct round *round)
{
    *round = (struct round){ .documents = xcalloc(settling->change_count, sizeof(bson_t *)),
                             .tried = xcalloc(settling->change_count, sizeof(struct change *)),
                             .outcomes = xcalloc(settling->change_count, sizeof(enum status)) };
    for (size_t i = 0; i < settling->position_count; i++)
        settling->positions[i] = (struct position){ .planned = settling->sequences[i].known,
                                                    .given = settling->sequences[i].given };
    for (size_t i = 0; i < settling->change_count; i++) {
        struct change *change = &settling->changes[i];
        struct position *position = &settling->positions[change->position];
        if (*change->mod != 0)
            continue;
        round->ordered = round->ordered || position->planned_here;
        position->planned_here = true;
        round->documents[round->count] =
            change_document(change, position->planned + 1, position->planned + 1 - position->given);
        position->given = ++position->planned;
        round->tried[round->count++] = change;
    }
}

/* `left_out`: how many changes still are not stored. */
static void finish_round(struct round *round, size_t *left_out)
{
    *left_out = 0;
    for (size_t i = 0; i < round->count; i++) {
        *left_out += *round->tried[i]->mod == 0;
        bson_destroy(round->documents[i]);
    }
    free(round->outcomes);
    free(round->tried);
    free(round->documents);
}

/* A duplicate key: of the same change, inserted before, or of another one that has the number. */
static enum status resolve_change(struct settling *settling, struct change *change, uint64_t tried,
                                  bool *made_by_another_out)
{
    enum status status = sequence_resolve(&settling->writer, sequence_of(settling, change),
                                          change->id, tried, change->mod);

    *made_by_another_out = *made_by_another_out || *change->mod != 0;
    return status;
}

/* One try for all changes that are not stored yet. */
static enum status store_change_round(struct settling *settling, size_t *left_out)
{
    struct round round;
    bool met_another = false;

    plan_round(settling, &round);
    enum status status = mongo_insert(settling->db, CHANGES, round.documents, round.count,
                                      round.ordered, round.outcomes);
    for (size_t i = 0; status == STATUS_OK && i < round.count; i++) {
        struct change *change = round.tried[i];
        uint64_t mod = (uint64_t)mongo_int(round.documents[i], "mod");
        if (round.outcomes[i] == STATUS_OK) {
            *change->mod = mod;
            change->fact->repeated = false;
            sequence_take(&settling->writer, sequence_of(settling, change), mod);
        } else if (round.outcomes[i] == STATUS_ALREADY_EXISTS) {
            status = resolve_change(settling, change, mod, &met_another);
        }
    }
    if (status == STATUS_OK && met_another) /* if one of them exists, more are likely to */
        status = read_known_changes(settling);
    finish_round(&round, left_out);
    return status;
}

/* Those that get a number are in a run that has begun. */
static enum status begin_sequences(struct settling *settling)
{
    for (size_t i = 0; i < settling->position_count; i++)
        settling->sequences[i].begun = true;
    for (size_t i = 0; i < settling->change_count; i++)
        if (*settling->changes[i].mod == 0)
            sequence_of(settling, &settling->changes[i])->begun = false;
    return sequence_begin(&settling->writer, settling->sequences, settling->position_count);
}

static enum status store_changes(struct settling *settling, enum settle_mode mode)
{
    enum status status = mode == SETTLE_AGAIN ? read_known_changes(settling) : STATUS_OK;
    size_t left = settling->change_count;

    if (status == STATUS_OK)
        status = read_positions(settling);
    if (status == STATUS_OK)
        status = begin_sequences(settling);
    settle_note_step("sequences");

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
    append_number(&raised, "secretRead", numbers->secret_read);
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
        const struct sequence *sequence = &settling->sequences[i];
        upserts[i].filter = BCON_NEW("_id", BCON_UTF8(sequence->owner));
        upserts[i].change = BCON_NEW("$max", "{", "mod", BCON_INT64((int64_t)sequence->given), "}");
    }
    enum status status =
        mongo_upsert(settling->db, POSITIONS, upserts, settling->position_count, MONGO_HINT);
    free(upserts);
    return status;
}

enum status settle_facts(struct mongo_db *db, struct message_mongo_lineage *lineage,
                         struct fact *facts, size_t count, enum settle_mode mode)
{
    struct settling settling;

    if (count == 0)
        return STATUS_OK;
    enum status status = plan_changes(&settling, db, lineage, facts, count);
    if (status != STATUS_OK)
        return status;
    if (settling.order.earlier_count > 0)
        mode = SETTLE_AGAIN; /* their writers are settling them */
    status = message_mongo_withheld_settle(db, settling.order.facts, settling.order.count);
    if (status == STATUS_OK)
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
