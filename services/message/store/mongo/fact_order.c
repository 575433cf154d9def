#include "services/message/store/mongo/fact_order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/array.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"

/* A message and its conversation, named by the id of one of its dialogs. */
struct place {
    char conversation[DIALOG_ID_SIZE];
    struct fact *fact;
};

/* The messages of one conversation, by seq: a part of the places. */
struct run {
    struct place *places;
    size_t count;
    size_t taken; /* so many are in the order */
    uint64_t settled;
};

struct ordering {
    struct mongo_db *db;
    struct place *places;
    size_t place_count;
    struct run *runs; /* by the name of their conversation */
    size_t run_count;
    struct hashmap *known; /* message id in hex -> fact */
    struct fact *earlier;
    size_t earlier_count, earlier_capacity;
};

/* --- the messages of each conversation ----------------------------------------------------- */

static int compare_places(const void *a, const void *b)
{
    const struct place *one = a, *other = b;
    int by_name = strcmp(one->conversation, other->conversation);

    if (by_name != 0)
        return by_name;
    return (one->fact->seq > other->fact->seq) - (one->fact->seq < other->fact->seq);
}

static void name_conversation(const struct fact *fact, char name_out[DIALOG_ID_SIZE])
{
    bool in_order = strcmp(fact->from.key, fact->to.key) < 0;

    dialog_document_id(in_order ? fact->from.key : fact->to.key,
                       in_order ? fact->to.key : fact->from.key, name_out);
}

static void add_places(struct ordering *ordering, struct fact *facts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (facts[i].kind != FACT_MESSAGE)
            continue;
        struct place *place = &ordering->places[ordering->place_count++];
        name_conversation(&facts[i], place->conversation);
        place->fact = &facts[i];
    }
}

/* Sorts the places and finds the runs; what was known to be settled is forgotten. */
static void find_runs(struct ordering *ordering)
{
    struct run *run = NULL;

    ordering->run_count = 0;
    qsort(ordering->places, ordering->place_count, sizeof(struct place), compare_places);
    for (size_t i = 0; i < ordering->place_count; i++) {
        struct place *place = &ordering->places[i];
        if (run == NULL || strcmp(run->places->conversation, place->conversation) != 0) {
            run = &ordering->runs[ordering->run_count++];
            *run = (struct run){ .places = place };
        }
        run->count++;
        if (place->fact->settled_seq > run->settled)
            run->settled = place->fact->settled_seq;
    }
}

/* Whether messages are missing that may not be settled. */
static bool has_hole(const struct run *run)
{
    uint64_t before = run->settled;

    for (size_t i = 0; i < run->count; i++) {
        uint64_t seq = run->places[i].fact->seq;
        if (seq > before + 1)
            return true;
        if (seq > before)
            before = seq;
    }
    return false;
}

static size_t count_holes(const struct ordering *ordering)
{
    size_t holes = 0;

    for (size_t i = 0; i < ordering->run_count; i++)
        holes += has_hole(&ordering->runs[i]);
    return holes;
}

/* --- what others have stored --------------------------------------------------------------- */

/* Their writers may have settled them since. */
static enum status read_settled(struct ordering *ordering)
{
    char(*ids)[DIALOG_ID_SIZE] = xcalloc(ordering->run_count, sizeof(*ids));
    struct dialog_document *dialogs = xcalloc(ordering->run_count, sizeof(*dialogs));
    struct run **runs = xcalloc(ordering->run_count, sizeof(struct run *));
    size_t n = 0;

    for (size_t i = 0; i < ordering->run_count; i++) {
        struct run *run = &ordering->runs[i];
        if (!has_hole(run))
            continue;
        snprintf(ids[n], DIALOG_ID_SIZE, "%s", run->places->conversation);
        runs[n++] = run;
    }
    enum status status =
        dialog_documents_find(ordering->db, (const char(*)[DIALOG_ID_SIZE])ids, n, dialogs);
    for (size_t i = 0; i < n; i++)
        if (dialogs[i].last_seq > runs[i]->settled)
            runs[i]->settled = dialogs[i].last_seq;
    free(runs);
    free(dialogs);
    free(ids);
    return status;
}

static void take_earlier(void *ctx, const bson_t *document)
{
    struct ordering *ordering = ctx;
    char hex[ID_HEX + 1];
    struct fact fact;

    if (!fact_from_message(document, &fact))
        return;
    id_to_hex(&fact.message, hex);
    if (hashmap_get(ordering->known, hex) != NULL)
        return;
    ordering->earlier = array_reserve(ordering->earlier, ordering->earlier_count,
                                      &ordering->earlier_capacity, sizeof(*ordering->earlier));
    ordering->earlier[ordering->earlier_count++] = fact;
}

/* { conv, seq: { $gt: settled, $lt: the newest of ours }, imported: { $exists: false } } */
static bson_t *messages_before(const struct run *run)
{
    const struct fact *newest = run->places[run->count - 1].fact;
    struct id conversation = message_conversation_id(newest->from.key, newest->to.key);
    bson_t *filter = bson_new();

    mongo_append_id(filter, "conv", &conversation);
    BCON_APPEND(filter, "seq", "{", "$gt", BCON_INT64((int64_t)run->settled), "$lt",
                BCON_INT64((int64_t)newest->seq), "}", "imported", "{", "$exists", BCON_BOOL(false),
                "}");
    return filter;
}

static void note_known(struct ordering *ordering)
{
    for (size_t i = 0; i < ordering->place_count; i++) {
        char hex[ID_HEX + 1];
        id_to_hex(&ordering->places[i].fact->message, hex);
        hashmap_put(ordering->known, hex, ordering->places[i].fact);
    }
}

static enum status find_earlier(struct ordering *ordering)
{
    bson_t *filter = bson_new();
    struct mongo_array any;

    note_known(ordering);
    mongo_array_begin(filter, "$or", &any);
    for (size_t i = 0; i < ordering->run_count; i++) {
        if (!has_hole(&ordering->runs[i]))
            continue;
        bson_t *messages = messages_before(&ordering->runs[i]);
        mongo_array_append_document(&any, messages);
        bson_destroy(messages);
    }
    mongo_array_end(&any);
    return mongo_find(ordering->db, MESSAGES, filter, NULL, take_earlier, ordering);
}

/* Fills the holes of the runs. */
static enum status fill_holes(struct ordering *ordering)
{
    enum status status = read_settled(ordering);

    if (status == STATUS_OK && count_holes(ordering) > 0)
        status = find_earlier(ordering);
    if (status != STATUS_OK || ordering->earlier_count == 0)
        return status;
    size_t count = ordering->place_count + ordering->earlier_count;
    ordering->places = xrealloc(ordering->places, count * sizeof(struct place));
    add_places(ordering, ordering->earlier, ordering->earlier_count);
    find_runs(ordering);
    return STATUS_OK;
}

/* --- the order ----------------------------------------------------------------------------- */

static int compare_run(const void *name, const void *run)
{
    return strcmp(name, ((const struct run *)run)->places->conversation);
}

/* The message, after all earlier ones of its conversation. */
static void append_message(struct ordering *ordering, const struct fact *fact,
                           struct fact_order *order)
{
    char name[DIALOG_ID_SIZE];

    name_conversation(fact, name);
    struct run *run =
        bsearch(name, ordering->runs, ordering->run_count, sizeof(struct run), compare_run);
    while (run->taken < run->count && run->places[run->taken].fact->seq <= fact->seq)
        order->facts[order->count++] = run->places[run->taken++].fact;
}

enum status fact_order_make(struct mongo_db *db, struct fact *facts, size_t count,
                            struct fact_order *order_out)
{
    struct ordering ordering = {
        .db = db,
        .places = xcalloc(count, sizeof(struct place)),
        .runs = xcalloc(count, sizeof(struct run)), /* what is added has the same conversations */
        .known = hashmap_create(),
    };
    enum status status = STATUS_OK;

    add_places(&ordering, facts, count);
    find_runs(&ordering);
    if (count_holes(&ordering) > 0)
        status = fill_holes(&ordering);
    *order_out = (struct fact_order){ 0 };
    if (status == STATUS_OK) {
        order_out->facts = xcalloc(count + ordering.earlier_count, sizeof(struct fact *));
        order_out->earlier = ordering.earlier;
        order_out->earlier_count = ordering.earlier_count;
        for (size_t i = 0; i < count; i++)
            if (facts[i].kind == FACT_MESSAGE)
                append_message(&ordering, &facts[i], order_out);
            else
                order_out->facts[order_out->count++] = &facts[i];
    } else {
        free(ordering.earlier);
    }
    hashmap_destroy(&ordering.known);
    free(ordering.runs);
    free(ordering.places);
    return status;
}

void fact_order_finish(struct fact_order *order)
{
    free(order->earlier);
    free(order->facts);
    *order = (struct fact_order){ 0 };
}
