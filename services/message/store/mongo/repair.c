#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/message/store/mongo/repair.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "services/common/base/array.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"

enum { PASS_SECONDS = 60, PASS_JITTER_SECONDS = 10, WRITER_ID_BYTES = 12 };

struct repair {
    struct mongo_db *db;
    struct message_mongo_lineage *lineage;
    char writer[2 * WRITER_ID_BYTES + 1]; /* our note's id */
    int64_t batch;                        /* the writer's alone, as is `dirty` */
    bool dirty;                           /* the last batch is not settled */
    struct hashmap *seen;                 /* writer -> its batch at the pass before, owned */

    pthread_t thread;
    pthread_mutex_t lock; /* guards stopping */
    pthread_cond_t cond;
    bool stopping;
};

/* --- notes --------------------------------------------------------------------------------- */

static void append_note(bson_t *set, const struct fact *facts, size_t count)
{
    struct mongo_array messages, reads;

    mongo_array_begin(set, "messages", &messages);
    for (size_t i = 0; i < count; i++)
        if (facts[i].kind == FACT_MESSAGE)
            mongo_array_append_id(&messages, &facts[i].message);
    mongo_array_end(&messages);
    mongo_array_begin(set, "reads", &reads);
    for (size_t i = 0; i < count; i++) {
        if (facts[i].kind != FACT_READ)
            continue;
        bson_t *read =
            BCON_NEW("reader", BCON_UTF8(facts[i].from.tag), "sender", BCON_UTF8(facts[i].to.tag),
                     "count", BCON_INT64((int64_t)facts[i].count));
        if (facts[i].secret)
            BSON_APPEND_BOOL(read, "secret", true);
        mongo_array_append_document(&reads, read);
        bson_destroy(read);
    }
    mongo_array_end(&reads);
}

/* What was stored of one or several notes. */
struct findings {
    struct hashmap *batches; /* writer -> the batch of its note, owned */
    struct fact *facts;
    size_t count, capacity;
    bson_t *filter, any; /* { _id: { $in: [the messages' ids] } } */
    struct mongo_array ids;
};

static void findings_init(struct findings *findings)
{
    *findings = (struct findings){ .batches = hashmap_create(), .filter = bson_new() };
    bson_append_document_begin(findings->filter, "_id", -1, &findings->any);
    mongo_array_begin(&findings->any, "$in", &findings->ids);
}

static void forget_batches(struct hashmap **batches)
{
    const char *writer;
    void *batch;

    for (size_t cursor = 0; hashmap_next(*batches, &cursor, &writer, &batch);)
        free(batch);
    hashmap_destroy(batches);
}

static void note_writer_batch(struct hashmap *batches, const char *writer, int64_t number)
{
    int64_t *batch = xmalloc(sizeof(*batch));

    *batch = number;
    free(hashmap_put(batches, writer, batch));
}

static struct fact *next_fact(struct findings *findings)
{
    findings->facts = array_reserve(findings->facts, findings->count, &findings->capacity,
                                    sizeof(*findings->facts));
    struct fact *fact = &findings->facts[findings->count++];
    *fact = (struct fact){ .kind = FACT_MESSAGE };
    return fact;
}

static void take_read(void *ctx, const bson_iter_t *item)
{
    struct findings *findings = ctx;
    const uint8_t *data;
    uint32_t length;
    bson_t read;

    if (!BSON_ITER_HOLDS_DOCUMENT(item))
        return;
    bson_iter_document(item, &length, &data);
    if (!bson_init_static(&read, data, length))
        return;
    struct fact *fact = next_fact(findings);
    fact->kind = FACT_READ;
    fact->count = (uint64_t)mongo_int(&read, "count");
    fact->secret = mongo_int(&read, "secret") != 0;
    if (!message_user_set(&fact->from, mongo_text(&read, "reader")) ||
        !message_user_set(&fact->to, mongo_text(&read, "sender")))
        findings->count--;
}

static void take_message_id(void *ctx, const bson_iter_t *item)
{
    struct findings *findings = ctx;
    struct id id;

    if (!BSON_ITER_HOLDS_OID(item))
        return;
    memcpy(id.bytes, bson_iter_oid(item)->bytes, ID_BYTES);
    mongo_array_append_id(&findings->ids, &id);
}

static void take_message(void *ctx, const bson_t *document)
{
    struct fact fact;

    if (fact_from_message(document, &fact))
        *next_fact(ctx) = fact;
}

static void read_note(const bson_t *document, struct findings *findings)
{
    note_writer_batch(findings->batches, mongo_text(document, "_id"), mongo_int(document, "batch"));
    mongo_array_each(document, "messages", take_message_id, findings);
    mongo_array_each(document, "reads", take_read, findings);
}

/* Of the notes' messages those that are stored, of the conversations if there are any. */
static enum status find_messages(struct mongo_db *db, enum status status, struct findings *findings,
                                 const struct id *conversations, size_t count)
{
    struct mongo_array wanted;
    bson_t any;

    mongo_array_end(&findings->ids);
    bson_append_document_end(findings->filter, &findings->any);
    if (status != STATUS_OK || findings->ids.count == 0) {
        bson_destroy(findings->filter);
        return status;
    }
    if (count > 0) {
        BSON_APPEND_DOCUMENT_BEGIN(findings->filter, "conv", &any);
        mongo_array_begin(&any, "$in", &wanted);
        for (size_t i = 0; i < count; i++)
            mongo_array_append_id(&wanted, &conversations[i]);
        mongo_array_end(&wanted);
        bson_append_document_end(findings->filter, &any);
    }
    return mongo_find(db, MESSAGES, findings->filter,
                      BCON_NEW("sort", "{", "seq", BCON_INT32(1), "}"), take_message, findings);
}

/* Settles what the notes' writers have stored; ends the findings but for the batches. */
static enum status settle_findings(struct repair *repair, enum status status,
                                   struct findings *findings)
{
    status = find_messages(repair->db, status, findings, NULL, 0);
    if (status == STATUS_OK)
        status = settle_facts(repair->db, repair->lineage, findings->facts, findings->count,
                              SETTLE_AGAIN);
    free(findings->facts);
    return status;
}

static void take_any_note(void *ctx, const bson_t *document)
{
    read_note(document, ctx);
}

enum status repair_noted(struct mongo_db *db, const struct id *conversations, size_t count,
                         struct fact **facts_out, size_t *fact_count_out)
{
    struct findings findings;

    findings_init(&findings);
    enum status status = mongo_find(db, WORK, bson_new(), NULL, take_any_note, &findings);
    status = find_messages(db, status, &findings, conversations, count);
    forget_batches(&findings.batches);
    if (status != STATUS_OK) {
        free(findings.facts);
        findings = (struct findings){ .count = 0 };
    }
    *facts_out = findings.facts;
    *fact_count_out = findings.count;
    return status;
}

/* --- the passes ---------------------------------------------------------------------------- */

struct pass {
    struct repair *repair;
    bool at_start;
    struct hashmap *now;   /* writer -> batch, of all notes */
    struct findings found; /* of those to settle */
};

/* Whether the writer has made no progress since the previous pass. */
static bool is_stale(struct repair *repair, const char *writer, int64_t batch)
{
    const int64_t *before = hashmap_get(repair->seen, writer);

    return before != NULL && *before == batch;
}

static void take_note(void *ctx, const bson_t *document)
{
    struct pass *pass = ctx;
    const char *writer = mongo_text(document, "_id");
    int64_t batch = mongo_int(document, "batch");

    note_writer_batch(pass->now, writer, batch);
    if (pass->at_start || is_stale(pass->repair, writer, batch))
        read_note(document, &pass->found);
}

/* Deletes a settled note, unless its writer has written another one meanwhile. */
static enum status clear_notes(struct repair *repair, const struct hashmap *batches)
{
    enum status status = STATUS_OK;
    const char *writer;
    void *batch;

    for (size_t cursor = 0; hashmap_next(batches, &cursor, &writer, &batch);) {
        int64_t number = *(int64_t *)batch;
        if (status == STATUS_OK && is_stale(repair, writer, number))
            status = mongo_delete(repair->db, WORK,
                                  BCON_NEW("_id", BCON_UTF8(writer), "batch", BCON_INT64(number)));
    }
    return status;
}

static enum status run_pass(struct repair *repair, bool at_start)
{
    struct pass pass = { .repair = repair, .at_start = at_start, .now = hashmap_create() };

    findings_init(&pass.found);
    bson_t *others = BCON_NEW("_id", "{", "$ne", BCON_UTF8(repair->writer), "}");
    enum status status = mongo_find(repair->db, WORK, others, NULL, take_note, &pass);
    status = settle_findings(repair, status, &pass.found);
    if (status == STATUS_OK)
        status = clear_notes(repair, pass.found.batches);
    if (status == STATUS_OK && hashmap_count(pass.found.batches) > 0)
        log_info("settled what %zu other writers did last", hashmap_count(pass.found.batches));
    forget_batches(&pass.found.batches);
    forget_batches(&repair->seen);
    repair->seen = pass.now;
    return status;
}

static bool wait_for_pass(struct repair *repair)
{
    unsigned char random;

    id_random_bytes(&random, 1);
    struct timespec until =
        clock_after_ms((PASS_SECONDS + random % PASS_JITTER_SECONDS) * INT64_C(1000));
    pthread_mutex_lock(&repair->lock);
    while (!repair->stopping &&
           pthread_cond_clockwait(&repair->cond, &repair->lock, CLOCK_MONOTONIC, &until) == 0)
        continue;
    bool stopping = repair->stopping;
    pthread_mutex_unlock(&repair->lock);
    return !stopping;
}

static void run_passes(void *arg)
{
    struct repair *repair = arg;

    while (wait_for_pass(repair))
        if (run_pass(repair, false) != STATUS_OK)
            log_warn("mongo: what others have left undone could not be settled; next try soon");
}

/* --- the writer's own note ----------------------------------------------------------------- */

static enum status settle_last_batch(struct repair *repair)
{
    struct findings findings;

    findings_init(&findings);
    enum status status = mongo_find(repair->db, WORK, BCON_NEW("_id", BCON_UTF8(repair->writer)),
                                    NULL, take_any_note, &findings);
    status = settle_findings(repair, status, &findings);
    forget_batches(&findings.batches);
    repair->dirty = status != STATUS_OK;
    return status;
}

enum status repair_note(struct repair *repair, const struct fact *facts, size_t count)
{
    bson_t set = BSON_INITIALIZER;

    if (repair->dirty) {
        enum status status = settle_last_batch(repair);
        if (status != STATUS_OK)
            return status;
    }
    BSON_APPEND_INT64(&set, "batch", ++repair->batch);
    BSON_APPEND_DATE_TIME(&set, "at", clock_wall_ms());
    append_note(&set, facts, count);
    struct mongo_upsert upsert = {
        .filter = BCON_NEW("_id", BCON_UTF8(repair->writer)),
        .change = BCON_NEW("$set", BCON_DOCUMENT(&set)),
    };
    bson_destroy(&set);
    repair->dirty = true;
    /* It need not be durable by itself: the later writes are, and they imply it. */
    enum status status = mongo_upsert(repair->db, WORK, &upsert, 1, MONGO_HINT);
    settle_note_step("note");
    return status;
}

void repair_note_outcome(struct repair *repair, enum status status)
{
    repair->dirty = status != STATUS_OK;
}

/* --- life ---------------------------------------------------------------------------------- */

enum status repair_start(struct mongo_db *db, struct message_mongo_lineage *lineage,
                         struct repair **repair_out)
{
    struct repair *repair = xcalloc(1, sizeof(*repair));

    repair->db = db;
    repair->lineage = lineage;
    repair->seen = hashmap_create();
    id_random_hex(repair->writer, WRITER_ID_BYTES);
    pthread_mutex_init(&repair->lock, NULL);
    pthread_cond_init(&repair->cond, NULL);
    enum status status = run_pass(repair, true);
    if (status != STATUS_OK) {
        repair->stopping = true; /* there is no thread */
        repair_stop(&repair);
        return status;
    }
    repair->thread = thread_start("mongo-repair", run_passes, repair);
    *repair_out = repair;
    return STATUS_OK;
}

static void end_thread(struct repair *repair)
{
    pthread_mutex_lock(&repair->lock);
    bool running = !repair->stopping;
    repair->stopping = true;
    pthread_cond_signal(&repair->cond);
    pthread_mutex_unlock(&repair->lock);
    if (running)
        pthread_join(repair->thread, NULL);
}

void repair_stop(struct repair **repair)
{
    struct repair *r = *repair;

    if (r == NULL)
        return;
    end_thread(r);
    if (r->dirty && settle_last_batch(r) != STATUS_OK)
        log_warn("mongo: the last batch is left to others to settle");
    if (!r->dirty && r->batch > 0 &&
        mongo_delete(r->db, WORK, BCON_NEW("_id", BCON_UTF8(r->writer))) != STATUS_OK)
        log_info("mongo: the note of this writer is left behind");
    forget_batches(&r->seen);
    pthread_cond_destroy(&r->cond);
    pthread_mutex_destroy(&r->lock);
    free(r);
    *repair = NULL;
}
