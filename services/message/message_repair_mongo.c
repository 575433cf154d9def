#define _GNU_SOURCE /* pthread_cond_clockwait, pthread_setname_np */
#include "services/message/message_repair_mongo.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "services/common/clock.h"
#include "services/common/hashmap.h"
#include "services/common/log.h"
#include "services/common/memory.h"

enum { PASS_SECONDS = 60, PASS_JITTER_SECONDS = 10, WRITER_ID_BYTES = 12 };

struct repair {
    struct mongo_db *db;
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
        mongo_array_append_document(&reads, read);
        bson_destroy(read);
    }
    mongo_array_end(&reads);
}

/* What was stored of a note. */
struct note {
    char writer[64];
    int64_t batch;
    struct fact *facts;
    size_t count, room;
    bson_t *wanted; /* messages' ids */
    struct mongo_array ids;
};

static struct fact *next_fact(struct note *note)
{
    if (note->count == note->room) {
        note->room = note->room == 0 ? 64 : 2 * note->room;
        note->facts = xrealloc(note->facts, note->room * sizeof(*note->facts));
    }
    struct fact *fact = &note->facts[note->count++];
    *fact = (struct fact){ .kind = FACT_MESSAGE };
    return fact;
}

static bool set_user(struct message_user *user, const char *tag)
{
    snprintf(user->tag, sizeof(user->tag), "%s", tag);
    return tag_to_key(tag, user->key);
}

static void take_read(void *ctx, const bson_iter_t *item)
{
    struct note *note = ctx;
    const uint8_t *data;
    uint32_t length;
    bson_t read;

    if (!BSON_ITER_HOLDS_DOCUMENT(item))
        return;
    bson_iter_document(item, &length, &data);
    if (!bson_init_static(&read, data, length))
        return;
    struct fact *fact = next_fact(note);
    fact->kind = FACT_READ;
    fact->count = (uint64_t)mongo_int(&read, "count");
    if (!set_user(&fact->from, mongo_text(&read, "reader")) ||
        !set_user(&fact->to, mongo_text(&read, "sender")))
        note->count--;
}

static void take_message_id(void *ctx, const bson_iter_t *item)
{
    struct note *note = ctx;
    struct id id;

    if (!BSON_ITER_HOLDS_OID(item))
        return;
    memcpy(id.bytes, bson_iter_oid(item)->bytes, ID_BYTES);
    mongo_array_append_id(&note->ids, &id);
}

static void take_message(void *ctx, const bson_t *document)
{
    struct fact *fact = next_fact(ctx);

    mongo_id(document, "_id", &fact->message);
    fact->seq = (uint64_t)mongo_int(document, "seq");
    fact->count = (uint64_t)mongo_int(document, "senderCount");
    fact->date_ms = mongo_date(document, "date");
    if (!set_user(&fact->from, mongo_text(document, "senderTag")) ||
        !set_user(&fact->to, mongo_text(document, "receiverTag")))
        ((struct note *)ctx)->count--;
}

/* { _id: { $in: [ids] } } of the note's messages. */
static void read_note(const bson_t *document, struct note *note)
{
    bson_t in;

    *note = (struct note){ .batch = mongo_int(document, "batch"), .wanted = bson_new() };
    snprintf(note->writer, sizeof(note->writer), "%s", mongo_text(document, "_id"));
    bson_append_document_begin(note->wanted, "_id", -1, &in);
    mongo_array_begin(&in, "$in", &note->ids);
    mongo_array_each(document, "messages", take_message_id, note);
    mongo_array_end(&note->ids);
    bson_append_document_end(note->wanted, &in);
    mongo_array_each(document, "reads", take_read, note);
}

/* Settles what the note's writer has stored. */
static enum status settle_note(struct repair *repair, struct note *note)
{
    bson_t *wanted = note->wanted;
    bson_t *opts = BCON_NEW("sort", "{", "seq", BCON_INT32(1), "}");

    note->wanted = NULL;
    enum status status = STATUS_OK;
    if (note->ids.count > 0) {
        status = mongo_find(repair->db, MESSAGES, wanted, opts, take_message, note);
    } else {
        bson_destroy(wanted);
        bson_destroy(opts);
    }
    if (status == STATUS_OK)
        status = settle(repair->db, note->facts, note->count);
    return status;
}

static void finish_note(struct note *note)
{
    bson_destroy(note->wanted);
    free(note->facts);
}

/* --- the passes ---------------------------------------------------------------------------- */

struct note_list {
    struct note *notes;
    size_t count, room;
};

static void append_note_found(void *ctx, const bson_t *document)
{
    struct note_list *list = ctx;

    if (list->count == list->room) {
        list->room = list->room == 0 ? 16 : 2 * list->room;
        list->notes = xrealloc(list->notes, list->room * sizeof(*list->notes));
    }
    read_note(document, &list->notes[list->count++]);
}

/* Whether the writer has not gone on since the pass before; `now` is for the next pass to know. */
static bool stands_still(struct repair *repair, const struct note *note, struct hashmap *now)
{
    const int64_t *before = hashmap_get(repair->seen, note->writer);
    int64_t *batch = xmalloc(sizeof(*batch));

    *batch = note->batch;
    free(hashmap_put(now, note->writer, batch));
    return before != NULL && *before == note->batch;
}

static void forget_seen(struct hashmap **seen)
{
    const char *writer;
    void *batch;

    for (size_t cursor = 0; hashmap_next(*seen, &cursor, &writer, &batch);)
        free(batch);
    hashmap_destroy(seen);
}

/* A note is taken away once it is settled, if its writer has not written another meanwhile. */
static enum status clear_note(struct repair *repair, const struct note *note)
{
    return mongo_delete(repair->db, WORK,
                        BCON_NEW("_id", BCON_UTF8(note->writer), "batch", BCON_INT64(note->batch)));
}

static enum status run_pass(struct repair *repair, bool at_start)
{
    struct hashmap *now = hashmap_create();
    struct note_list list = { 0 };

    enum status status =
        mongo_find(repair->db, WORK, BCON_NEW("_id", "{", "$ne", BCON_UTF8(repair->writer), "}"),
                   NULL, append_note_found, &list);
    for (size_t i = 0; i < list.count; i++) {
        struct note *note = &list.notes[i];
        bool still = stands_still(repair, note, now);
        if (status == STATUS_OK && (at_start || still))
            status = settle_note(repair, note);
        if (status == STATUS_OK && still)
            status = clear_note(repair, note);
        if (status == STATUS_OK && note->count > 0 && (at_start || still))
            log_info("settled the last %zu writes of writer %s", note->count, note->writer);
        finish_note(note);
    }
    free(list.notes);
    forget_seen(&repair->seen);
    repair->seen = now;
    return status;
}

static bool wait_for_pass(struct repair *repair)
{
    struct timespec until;
    unsigned char random;

    id_random_bytes(&random, 1);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PASS_SECONDS + random % PASS_JITTER_SECONDS;
    pthread_mutex_lock(&repair->lock);
    while (!repair->stopping &&
           pthread_cond_clockwait(&repair->cond, &repair->lock, CLOCK_MONOTONIC, &until) == 0)
        continue;
    bool stopping = repair->stopping;
    pthread_mutex_unlock(&repair->lock);
    return !stopping;
}

static void *run_passes(void *arg)
{
    struct repair *repair = arg;

    pthread_setname_np(pthread_self(), "mongo-repair");
    while (wait_for_pass(repair))
        if (run_pass(repair, false) != STATUS_OK)
            log_warn("mongo: what others have left undone could not be settled; next try soon");
    return NULL;
}

/* --- the writer's own note ----------------------------------------------------------------- */

static void settle_own(void *ctx, const bson_t *document)
{
    read_note(document, ctx);
}

static enum status settle_last_batch(struct repair *repair)
{
    struct note note = { .batch = 0 };

    enum status status = mongo_find(repair->db, WORK, BCON_NEW("_id", BCON_UTF8(repair->writer)),
                                    NULL, settle_own, &note);
    if (status == STATUS_OK && note.batch != 0)
        status = settle_note(repair, &note);
    finish_note(&note);
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
    /* It need not be durable by itself: what comes after it is, and not without it. */
    enum status status = mongo_upsert(repair->db, WORK, &upsert, 1, MONGO_HINT);
    settle_note_step("note");
    return status;
}

void repair_note_outcome(struct repair *repair, enum status status)
{
    repair->dirty = status != STATUS_OK;
}

/* --- life ---------------------------------------------------------------------------------- */

enum status repair_start(struct mongo_db *db, struct repair **repair_out)
{
    struct repair *repair = xcalloc(1, sizeof(*repair));

    repair->db = db;
    repair->seen = hashmap_create();
    id_random_hex(repair->writer, WRITER_ID_BYTES);
    pthread_mutex_init(&repair->lock, NULL);
    pthread_cond_init(&repair->cond, NULL);
    enum status status = run_pass(repair, true);
    if (status == STATUS_OK && pthread_create(&repair->thread, NULL, run_passes, repair) != 0) {
        log_error("cannot start a thread");
        abort();
    }
    if (status != STATUS_OK) {
        repair->stopping = true; /* there is no thread */
        repair_stop(&repair);
        return status;
    }
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
    forget_seen(&r->seen);
    pthread_cond_destroy(&r->cond);
    pthread_mutex_destroy(&r->lock);
    free(r);
    *repair = NULL;
}
