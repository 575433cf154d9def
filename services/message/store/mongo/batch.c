#include "services/message/store/mongo/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/message/store/mongo/batch_marks.h"
#include "services/message/store/mongo/batch_repeats.h"
#include "services/message/store/mongo/batch_state.h"
#include "services/message/store/mongo/settle.h"
#include "services/message/store/mongo/withheld.h"

enum { ROUNDS_MAX = 256 };

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
    batch->relations = xcalloc(batch->count, sizeof(*batch->relations));
    batch->privacies = xcalloc(batch->count, sizeof(*batch->privacies));
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
    free(batch->privacies);
    free(batch->relations);
    free(batch->dialogs);
    free(batch->dialog_ids);
    hashmap_destroy(&batch->by_id);
}

static const struct message_user *actor_of(struct batch_job *job)
{
    const struct message_mongo_job *wanted = batch_job_of(job);

    return wanted->send != NULL ? &wanted->send->sender : &wanted->mark->reader;
}

static const struct message_user *other_of(struct batch_job *job)
{
    const struct message_mongo_job *wanted = batch_job_of(job);

    return wanted->send != NULL ? &wanted->send->receiver : &wanted->mark->sender;
}

static enum status read_dialogs(struct batch *batch)
{
    size_t i = 0;

    for (struct batch_job *job = batch->jobs; job != NULL; job = job->next, i++)
        dialog_document_id(actor_of(job)->key, other_of(job)->key, batch->dialog_ids[i]);
    return dialog_documents_find(batch->db, (const char(*)[DIALOG_ID_SIZE])batch->dialog_ids,
                                 batch->count, batch->dialogs);
}

/* What the users of each job have decided about each other. */
static enum status read_relations(struct batch *batch)
{
    struct relation_pair *pairs = xcalloc(batch->count, sizeof(*pairs));
    size_t i = 0;

    for (struct batch_job *job = batch->jobs; job != NULL; job = job->next, i++)
        pairs[i] = (struct relation_pair){ actor_of(job)->key, other_of(job)->key };
    enum status status = relation_documents_find(batch->db, pairs, batch->count, batch->relations);
    free(pairs);
    return status;
}

/* What the readers show, if there are any. */
static enum status read_privacies(struct batch *batch)
{
    char(*keys)[ACCOUNT_NAME_SIZE] = xcalloc(batch->count, sizeof(*keys));
    enum status status = STATUS_OK;
    bool has_mark = false;
    size_t i = 0;

    for (struct batch_job *job = batch->jobs; job != NULL; job = job->next, i++) {
        has_mark = has_mark || batch_job_of(job)->mark != NULL;
        snprintf(keys[i], ACCOUNT_NAME_SIZE, "%s", actor_of(job)->key);
    }
    if (has_mark)
        status = relation_documents_find_privacies(
            batch->db, (const char(*)[ACCOUNT_NAME_SIZE])keys, batch->count, batch->privacies);
    free(keys);
    return status;
}

static enum status read_all(struct batch *batch)
{
    enum status status = read_dialogs(batch);

    if (status == STATUS_OK)
        status = read_relations(batch);
    return status == STATUS_OK ? read_privacies(batch) : status;
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
        struct message_send *send = batch_job_of(job)->send;
        if (send == NULL)
            continue;
        send->id = *send->client_message_id != '\0'
                       ? message_id_from_client(send->sender.key, send->client_message_id)
                       : id_new();
        batch->sends[batch->send_count++] = (struct sending){
            .job = batch_job_of(job),
            .send = send,
            .dialog = &batch->dialogs[i],
            .relations = &batch->relations[i],
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
    message->is_withheld = sending->relations->theirs == RELATION_BLOCKED;
    message->seq = state->seq;
    message->sender_count =
        is_first(send) ? state->sent_by_first : state->seq - state->sent_by_first;
    message->date_ms = state->date_ms;
    message->text = wire_borrow(send->text);
    snprintf(message->sender_tag, ACCOUNT_NAME_SIZE, "%s", send->sender.tag);
    snprintf(message->receiver_tag, ACCOUNT_NAME_SIZE, "%s", send->receiver.tag);
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
        status = batch_repeats_find(batch);
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
    return status == STATUS_OK ? batch_repeats_read_marks(batch) : status;
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
                             .withheld = sending->message.is_withheld,
                             .fresh = !sending->repeats };
        if (sending->job->head.status == STATUS_CONFLICT ||
            sending->job->head.status == STATUS_FORBIDDEN)
            continue;
        if (sending->imported)
            report_imported(sending);
        else
            batch_add_fact(batch, sending->job, &fact);
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
    job->send->withheld = fact->withheld;
    job->send->sender_user_seq = fact->repeated ? 0 : fact->from_mod;
    job->send->receiver_user_seq = fact->repeated ? 0 : fact->to_mod;
}

/* One whose sender has blocked the receiver is refused, unless it was stored before that. */
static enum status refuse_forbidden(struct batch *batch)
{
    bool any = false;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < batch->send_count; i++)
        any = any || batch->sends[i].relations->mine == RELATION_BLOCKED;
    if (any)
        status = batch_repeats_find(batch);
    for (size_t i = 0; i < batch->send_count && status == STATUS_OK; i++) {
        struct sending *sending = &batch->sends[i];
        if (sending->over || sending->relations->mine != RELATION_BLOCKED)
            continue;
        sending->over = true;
        sending->job->head.status = STATUS_FORBIDDEN;
    }
    return status;
}

/* The seq of each of the two, and how they stand. */
static enum status count_as_seen(struct batch *batch)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < batch->send_count && status == STATUS_OK; i++) {
        const struct sending *sending = &batch->sends[i];
        struct message_send *send = sending->send;
        const struct id *conversation = &sending->conversation->id;
        uint64_t from_sender = 0, from_receiver = 0;
        if (sending->job->head.status != STATUS_OK)
            continue;
        if (sending->relations->withheld_from_me)
            status = message_mongo_withheld_count(batch->db, conversation, send->sender.key,
                                                  send->seq, &from_sender);
        if (status == STATUS_OK && sending->relations->withheld_from_them)
            status = message_mongo_withheld_count(batch->db, conversation, send->receiver.key,
                                                  send->seq, &from_receiver);
        send->is_first = sending->message.sender_count == 1;
        send->relation =
            (struct relation){ .mine = sending->relations->mine,
                               .theirs = sending->relations->theirs,
                               .i_wrote = true,
                               .they_wrote = send->seq > sending->message.sender_count };
        send->receiver_seq = send->seq - from_receiver;
        send->seq -= from_sender;
    }
    return status;
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
    enum status status = read_all(batch);

    if (status != STATUS_OK)
        return status;
    batch_marks_plan(batch);
    plan_sends(batch);
    if (batch->fact_count + batch->send_count == 0)
        return STATUS_OK;
    status = note_batch(batch);
    if (status == STATUS_OK)
        status = refuse_forbidden(batch);
    if (status == STATUS_OK)
        status = store_messages(batch);
    if (status == STATUS_OK) {
        enum settle_mode mode = add_message_facts(batch);
        status = settle_facts(batch->db, batch->lineage, batch->facts, batch->fact_count, mode);
    }
    repair_note_outcome(batch->repair, status);
    for (size_t i = 0; status == STATUS_OK && i < batch->fact_count; i++)
        report_fact(batch->fact_jobs[i], &batch->facts[i]);
    return status == STATUS_OK ? count_as_seen(batch) : status;
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
