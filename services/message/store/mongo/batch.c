#include "services/message/store/mongo/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/message/store/mongo/documents.h"
#include "services/message/store/mongo/settle.h"

enum { ROUNDS_MAX = 256 };

static struct message_mongo_job *job_of(struct batch_job *job)
{
    return (struct message_mongo_job *)job;
}

/* A conversation in which a batch writes. */
struct conversation {
    struct id id;
    struct conversation_state stored;  /* as of the newest message known */
    struct conversation_state planned; /* and with what this round tries to add */
    uint64_t settled;                  /* as far as the dialogs show */
    bool planned_here;
};

/* A send of the batch. */
struct sending {
    struct message_mongo_job *job;
    struct message_send *send;
    struct conversation *conversation;
    struct message message; /* borrows the text */
    bool over;              /* stored, or refused */
    bool repeats;           /* was stored before */
    bool imported;          /* imported from another store: nothing to settle */
};

struct batch {
    struct mongo_db *db;
    struct message_mongo_lineage *lineage;
    struct repair *repair;
    struct batch_job *jobs;
    size_t count;
    char (*dialog_ids)[DIALOG_ID_SIZE]; /* of each job, as its actor sees it */
    struct dialog_document *dialogs;    /* likewise */
    struct sending *sends;
    size_t send_count;
    struct conversation *conversations;
    size_t conversation_count;
    struct hashmap *by_id; /* conversation id in hex -> conversation */
    struct fact *facts;    /* marks, then messages */
    size_t fact_count;
    struct message_mongo_job **fact_jobs; /* of each fact */
};

/* Zeroed but for what it is for. */
static void begin_batch(struct batch *batch, struct batch_job *jobs)
{
    batch->jobs = jobs;
    batch->by_id = hashmap_create();
    for (struct batch_job *job = jobs; job != NULL; job = job->next) {
        job->status = STATUS_UNAVAILABLE;
        batch->count++;
    }
    batch->dialog_ids = xcalloc(batch->count, sizeof(*batch->dialog_ids));
    batch->dialogs = xcalloc(batch->count, sizeof(*batch->dialogs));
    batch->sends = xcalloc(batch->count, sizeof(*batch->sends));
    batch->conversations = xcalloc(batch->count, sizeof(*batch->conversations));
    batch->facts = xcalloc(batch->count, sizeof(*batch->facts));
    batch->fact_jobs = xcalloc(batch->count, sizeof(struct message_mongo_job *));
}

static void finish_batch(struct batch *batch)
{
    free(batch->fact_jobs);
    free(batch->facts);
    free(batch->conversations);
    free(batch->sends);
    free(batch->dialogs);
    free(batch->dialog_ids);
    hashmap_destroy(&batch->by_id);
}

static enum status read_dialogs(struct batch *batch)
{
    size_t i = 0;

    for (struct batch_job *job = batch->jobs; job != NULL; job = job->next, i++) {
        struct message_send *send = job_of(job)->send;
        struct message_mark *mark = job_of(job)->mark;
        dialog_document_id(send != NULL ? send->sender.key : mark->reader.key,
                           send != NULL ? send->receiver.key : mark->sender.key,
                           batch->dialog_ids[i]);
    }
    return dialog_documents_find(batch->db, (const char(*)[DIALOG_ID_SIZE])batch->dialog_ids,
                                 batch->count, batch->dialogs);
}

static void add_fact(struct batch *batch, struct message_mongo_job *job, const struct fact *fact)
{
    batch->fact_jobs[batch->fact_count] = job;
    batch->facts[batch->fact_count++] = *fact;
}

/* How much is read of a dialog before a mark, with the earlier marks of the batch. */
static uint64_t read_before(const struct batch *batch, const struct message_mark *mark,
                            const struct dialog_document *dialog)
{
    uint64_t read = dialog->in_read;

    for (size_t i = 0; i < batch->fact_count; i++)
        if (strcmp(batch->facts[i].from.key, mark->reader.key) == 0 &&
            strcmp(batch->facts[i].to.key, mark->sender.key) == 0 && batch->facts[i].count > read)
            read = batch->facts[i].count;
    return read;
}

static void plan_mark(struct batch *batch, struct message_mongo_job *job,
                      const struct dialog_document *dialog)
{
    struct message_mark *mark = job->mark;
    struct fact fact = { .kind = FACT_READ, .from = mark->reader, .to = mark->sender };
    uint64_t before = read_before(batch, mark, dialog);

    fact.count = dialog->in_count;
    if (mark->up_to_seq > 0 && mark->up_to_seq <= MESSAGE_SEQ_MAX &&
        message_document_received(batch->db, mark->reader.key, mark->sender.key, mark->up_to_seq,
                                  &fact.count) != STATUS_OK)
        return;
    mark->has_dialog = dialog->last_seq > 0;
    snprintf(mark->reader_tag, ACCOUNT_NAME_SIZE, "%s", dialog->owner_tag);
    snprintf(mark->sender_tag, ACCOUNT_NAME_SIZE, "%s", dialog->peer_tag);
    if (fact.count <= before) {
        job->head.status = STATUS_OK;
        return;
    }
    mark->newly_read = fact.count - before;
    snprintf(fact.from.tag, ACCOUNT_NAME_SIZE, "%s", dialog->owner_tag);
    snprintf(fact.to.tag, ACCOUNT_NAME_SIZE, "%s", dialog->peer_tag);
    add_fact(batch, job, &fact);
}

static void plan_marks(struct batch *batch)
{
    size_t i = 0;

    for (struct batch_job *job = batch->jobs; job != NULL; job = job->next, i++)
        if (job_of(job)->mark != NULL)
            plan_mark(batch, job_of(job), &batch->dialogs[i]);
}

static bool is_first(const struct message_send *send)
{
    return strcmp(send->sender.key, send->receiver.key) < 0;
}

/* The conversation of a send, as its sender's dialog shows it; that may be behind. */
static struct conversation *conversation_of(struct batch *batch, const struct message_send *send,
                                            const struct dialog_document *dialog)
{
    struct id id = message_conversation_id(send->sender.key, send->receiver.key);
    char hex[ID_HEX + 1];

    id_to_hex(&id, hex);
    struct conversation *conversation = hashmap_get(batch->by_id, hex);
    if (conversation == NULL) {
        conversation = &batch->conversations[batch->conversation_count++];
        conversation->id = id;
        hashmap_put(batch->by_id, hex, conversation);
    }
    if (dialog->last_seq > conversation->settled)
        conversation->settled = dialog->last_seq;
    if (dialog->last_seq > conversation->stored.seq)
        conversation->stored = (struct conversation_state){
            dialog->last_seq,
            is_first(send) ? dialog->out_count : dialog->in_count,
            dialog->last_date_ms,
        };
    return conversation;
}

static void plan_sends(struct batch *batch)
{
    size_t i = 0;

    for (struct batch_job *job = batch->jobs; job != NULL; job = job->next, i++) {
        struct message_send *send = job_of(job)->send;
        if (send == NULL)
            continue;
        send->id = *send->client_message_id != '\0'
                       ? message_id_from_client(send->sender.key, send->client_message_id)
                       : id_new();
        batch->sends[batch->send_count++] = (struct sending){
            .job = job_of(job),
            .send = send,
            .conversation = conversation_of(batch, send, &batch->dialogs[i]),
        };
    }
}

/* The next message of its conversation. */
static void plan_message(struct sending *sending)
{
    struct conversation_state *state = &sending->conversation->planned;
    const struct message_send *send = sending->send;
    struct message *message = &sending->message;

    state->seq++;
    state->sent_by_first += is_first(send);
    if (send->now_ms > state->date_ms)
        state->date_ms = send->now_ms;
    message->id = send->id;
    message->seq = state->seq;
    message->sender_count =
        is_first(send) ? state->sent_by_first : state->seq - state->sent_by_first;
    message->date_ms = state->date_ms;
    message->text = wire_borrow(send->text);
    snprintf(message->sender_tag, ACCOUNT_NAME_SIZE, "%s", send->sender.tag);
    snprintf(message->receiver_tag, ACCOUNT_NAME_SIZE, "%s", send->receiver.tag);
}

struct repeats {
    struct hashmap *by_id; /* message id in hex -> the first such sending that is not over */
    struct batch *batch;
};

/* A stored message has the id of a send: it is the same, or the client's id means another. */
static void take_stored(void *ctx, const bson_t *document)
{
    struct repeats *repeats = ctx;
    struct message stored;
    char receiver[ACCOUNT_NAME_SIZE] = "", hex[ID_HEX + 1];

    message_document_read(document, &stored);
    bool readable = account_name_to_key(stored.receiver_tag, receiver);
    id_to_hex(&stored.id, hex);
    struct sending *first = hashmap_get(repeats->by_id, hex);
    struct sending *end = repeats->batch->sends + repeats->batch->send_count;
    for (struct sending *sending = first; sending != NULL && sending < end; sending++) {
        if (sending->over || memcmp(&sending->send->id, &stored.id, sizeof(stored.id)) != 0)
            continue;
        sending->over = sending->repeats = true;
        sending->imported = message_document_is_imported(document);
        if (!readable || strcmp(stored.text, sending->send->text) != 0 ||
            strcmp(receiver, sending->send->receiver.key) != 0)
            sending->job->head.status = STATUS_CONFLICT;
        sending->message = stored;
        sending->message.text = NULL;
    }
    free(stored.text);
}

static enum status read_is_read(struct batch *batch)
{
    char(*ids)[DIALOG_ID_SIZE] = xcalloc(batch->send_count, sizeof(*ids));
    struct dialog_document *dialogs = xcalloc(batch->send_count, sizeof(*dialogs));
    enum status status = STATUS_OK;
    size_t n = 0;

    for (size_t i = 0; i < batch->send_count; i++)
        if (batch->sends[i].repeats)
            dialog_document_id(batch->sends[i].send->receiver.key, batch->sends[i].send->sender.key,
                               ids[n++]);
    if (n > 0)
        status = dialog_documents_find(batch->db, (const char(*)[DIALOG_ID_SIZE])ids, n, dialogs);
    n = 0;
    for (size_t i = 0; i < batch->send_count; i++)
        if (batch->sends[i].repeats)
            batch->sends[i].send->is_read =
                batch->sends[i].message.sender_count <= dialogs[n++].in_read;
    free(dialogs);
    free(ids);
    return status;
}

/* Finds all sends of the batch that are stored already, at once: after a crash there are many. */
static enum status find_repeats(struct batch *batch)
{
    struct repeats repeats = { hashmap_create(), batch };
    bson_t *filter = bson_new();
    struct mongo_array ids;
    bson_t wanted;

    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &wanted);
    mongo_array_begin(&wanted, "$in", &ids);
    for (size_t i = 0; i < batch->send_count; i++) {
        struct sending *sending = &batch->sends[i];
        char hex[ID_HEX + 1];
        if (sending->over || *sending->send->client_message_id == '\0')
            continue;
        id_to_hex(&sending->send->id, hex);
        if (hashmap_get(repeats.by_id, hex) == NULL)
            hashmap_put(repeats.by_id, hex, sending);
        mongo_array_append_id(&ids, &sending->send->id);
    }
    mongo_array_end(&ids);
    bson_append_document_end(filter, &wanted);
    enum status status = mongo_find(batch->db, MESSAGES, filter, NULL, take_stored, &repeats);
    hashmap_destroy(&repeats.by_id);
    return status;
}

/*
 * An insertion found a key taken: by the same message, stored before, or by another's that has its
 * place.
 */
static enum status resolve_sending(struct batch *batch, struct sending *sending)
{
    bson_t *filter = bson_new();
    bool exists = false;

    if (sending->over)
        return STATUS_OK;
    mongo_append_id(filter, "_id", &sending->send->id);
    enum status status = mongo_exists(batch->db, MESSAGES, filter, &exists);
    if (status == STATUS_OK && exists)
        status = find_repeats(batch);
    else if (status == STATUS_OK)
        status = documents_find_conversation(batch->db, &sending->conversation->id,
                                             &sending->conversation->stored);
    return status;
}

static void note_stored(struct sending *sending)
{
    struct conversation_state *stored = &sending->conversation->stored;
    const struct message *message = &sending->message;

    stored->seq = message->seq;
    stored->date_ms = message->date_ms;
    stored->sent_by_first =
        is_first(sending->send) ? message->sender_count : message->seq - message->sender_count;
    sending->over = true;
}

/* One try for all that are not stored yet. Of a conversation none is stored unless the one before
 * it is: its numbers follow from it. */
static enum status store_message_round(struct batch *batch, size_t *left_out)
{
    bson_t **documents = xcalloc(batch->send_count, sizeof(*documents));
    struct sending **tried = xcalloc(batch->send_count, sizeof(struct sending *));
    enum status *outcomes = xcalloc(batch->send_count, sizeof(*outcomes));
    bool ordered = false;
    size_t n = 0;

    for (size_t i = 0; i < batch->conversation_count; i++) {
        batch->conversations[i].planned = batch->conversations[i].stored;
        batch->conversations[i].planned_here = false;
    }
    for (size_t i = 0; i < batch->send_count; i++) {
        struct sending *sending = &batch->sends[i];
        if (sending->over)
            continue;
        ordered = ordered || sending->conversation->planned_here;
        sending->conversation->planned_here = true;
        plan_message(sending);
        documents[n] = message_document(&sending->message, &sending->conversation->id);
        tried[n++] = sending;
    }
    enum status status = mongo_insert(batch->db, MESSAGES, documents, n, ordered, outcomes);
    *left_out = 0;
    for (size_t i = 0; i < n; i++) {
        if (status == STATUS_OK && outcomes[i] == STATUS_OK)
            note_stored(tried[i]);
        else if (status == STATUS_OK && outcomes[i] == STATUS_ALREADY_EXISTS)
            status = resolve_sending(batch, tried[i]);
    }
    for (size_t i = 0; i < n; i++) {
        *left_out += !tried[i]->over;
        bson_destroy(documents[i]);
    }
    free(outcomes);
    free(tried);
    free(documents);
    return status;
}

static enum status store_messages(struct batch *batch)
{
    enum status status = STATUS_OK;
    size_t left = batch->send_count;

    /* Each round that leaves something has met another process that went on. */
    for (int rounds = 0; status == STATUS_OK && left > 0; rounds++) {
        if (rounds == ROUNDS_MAX) {
            log_warn("mongo: cannot assign sequence numbers to %zu messages", left);
            return STATUS_UNAVAILABLE;
        }
        status = store_message_round(batch, &left);
    }
    settle_note_step("messages");
    return status == STATUS_OK ? read_is_read(batch) : status;
}

/* Everything that follows from it was imported with it. */
static void report_imported(const struct sending *sending)
{
    sending->job->head.status = STATUS_OK;
    sending->send->seq = sending->message.seq;
    sending->send->date_ms = sending->message.date_ms;
    sending->send->repeated = true;
}

static enum settle_mode add_message_facts(struct batch *batch)
{
    enum settle_mode mode = SETTLE_NEW;

    for (size_t i = 0; i < batch->send_count; i++) {
        struct sending *sending = &batch->sends[i];
        struct fact fact = { .kind = FACT_MESSAGE,
                             .from = sending->send->sender,
                             .to = sending->send->receiver,
                             .message = sending->message.id,
                             .seq = sending->message.seq,
                             .settled_seq = sending->conversation->settled,
                             .count = sending->message.sender_count,
                             .date_ms = sending->message.date_ms,
                             .fresh = !sending->repeats };
        if (sending->job->head.status == STATUS_CONFLICT)
            continue;
        if (sending->imported)
            report_imported(sending);
        else
            add_fact(batch, sending->job, &fact);
        if (sending->repeats)
            mode = SETTLE_AGAIN;
    }
    return mode;
}

static void report_fact(struct message_mongo_job *job, const struct fact *fact)
{
    job->head.status = STATUS_OK;
    if (job->mark != NULL) {
        job->mark->reader_user_seq = fact->from_mod;
        job->mark->sender_user_seq = fact->to_mod;
        return;
    }
    job->send->seq = fact->seq;
    job->send->date_ms = fact->date_ms;
    job->send->repeated = fact->repeated;
    job->send->sender_user_seq = fact->repeated ? 0 : fact->from_mod;
    job->send->receiver_user_seq = fact->repeated ? 0 : fact->to_mod;
}

/* What the batch is about to store, for its note. */
static enum status note_batch(struct batch *batch)
{
    size_t count = batch->fact_count + batch->send_count;
    struct fact *facts = xcalloc(count, sizeof(*facts));

    if (batch->fact_count > 0)
        memcpy(facts, batch->facts, batch->fact_count * sizeof(*facts));
    for (size_t i = 0; i < batch->send_count; i++)
        facts[batch->fact_count + i] =
            (struct fact){ .kind = FACT_MESSAGE, .message = batch->sends[i].send->id };
    enum status status = repair_note(batch->repair, facts, count);
    free(facts);
    return status;
}

static enum status write_batch(struct batch *batch)
{
    enum status status = read_dialogs(batch);

    if (status != STATUS_OK)
        return status;
    plan_marks(batch);
    plan_sends(batch);
    if (batch->fact_count + batch->send_count == 0)
        return STATUS_OK;
    status = note_batch(batch);
    if (status == STATUS_OK)
        status = store_messages(batch);
    if (status == STATUS_OK) {
        enum settle_mode mode = add_message_facts(batch);
        status = settle_facts(batch->db, batch->lineage, batch->facts, batch->fact_count, mode);
    }
    repair_note_outcome(batch->repair, status);
    for (size_t i = 0; status == STATUS_OK && i < batch->fact_count; i++)
        report_fact(batch->fact_jobs[i], &batch->facts[i]);
    return status;
}

enum status message_mongo_batch_write(struct mongo_db *db, struct message_mongo_lineage *lineage,
                                      struct repair *repair, struct batch_job *jobs)
{
    struct batch batch = { .db = db, .lineage = lineage, .repair = repair };

    begin_batch(&batch, jobs);
    enum status status = write_batch(&batch);
    finish_batch(&batch);
    return status;
}
