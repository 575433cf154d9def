#include "services/message/store/mongo/batch_marks.h"

#include <stdio.h>
#include <string.h>

#include "services/message/store/mongo/withheld.h"

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

/* A mark, and what is known of its two users. */
struct marking {
    struct message_mark *mark;
    const struct dialog_document *dialog; /* the reader's */
    const struct relation_documents *relations;
    struct id conversation;
};

/* How many of the sender's messages are read then. */
static enum status count_read(const struct batch *batch, const struct marking *marking,
                              uint64_t *count_out)
{
    const struct message_mark *mark = marking->mark;
    uint64_t seq = mark->up_to_seq;
    enum status status = STATUS_OK;

    *count_out = marking->dialog->in_count;
    if (seq == 0 || seq > MESSAGE_SEQ_MAX)
        return STATUS_OK;
    if (marking->relations->withheld_from_me)
        status = message_mongo_withheld_to_stored(batch->db, &marking->conversation,
                                                  mark->reader.key, seq, &seq);
    if (status == STATUS_OK)
        status = message_document_received(batch->db, mark->reader.key, mark->sender.key, seq,
                                           count_out);
    return status;
}

static enum status count_newly_read(const struct batch *batch, const struct marking *marking,
                                    uint64_t before, uint64_t count, uint64_t *newly_out)
{
    uint64_t withheld = 0;
    enum status status = STATUS_OK;

    *newly_out = count > before ? count - before : 0;
    if (*newly_out > 0 && marking->relations->withheld_from_me)
        status = message_mongo_withheld_count_sent(
            batch->db, &marking->conversation, marking->mark->reader.key, before, count, &withheld);
    *newly_out -= withheld < *newly_out ? withheld : *newly_out;
    return status;
}

static bool is_secret(const struct marking *marking, const struct privacy *privacy)
{
    const struct relation relation = { .mine = marking->relations->mine,
                                       .theirs = marking->relations->theirs,
                                       .i_wrote = marking->dialog->out_count > 0,
                                       .they_wrote = marking->dialog->in_count > 0,
                                       .my_privacy = *privacy };

    return !relation_they_see_my_marks(&relation, marking->mark->consent);
}

static void plan_mark(struct batch *batch, struct message_mongo_job *job,
                      const struct marking *marking, const struct privacy *privacy)
{
    struct message_mark *mark = marking->mark;
    const struct dialog_document *dialog = marking->dialog;
    struct fact fact = { .kind = FACT_READ, .from = mark->reader, .to = mark->sender };
    uint64_t before = read_before(batch, mark, dialog);

    if (count_read(batch, marking, &fact.count) != STATUS_OK ||
        count_newly_read(batch, marking, before, fact.count, &mark->newly_read) != STATUS_OK)
        return;
    mark->has_dialog = dialog->last_seq > 0;
    snprintf(mark->reader_tag, ACCOUNT_NAME_SIZE, "%s", dialog->owner_tag);
    snprintf(mark->sender_tag, ACCOUNT_NAME_SIZE, "%s", dialog->peer_tag);
    if (mark->newly_read == 0) {
        job->head.status = STATUS_OK;
        return;
    }
    fact.secret = is_secret(marking, privacy);
    snprintf(fact.from.tag, ACCOUNT_NAME_SIZE, "%s", dialog->owner_tag);
    snprintf(fact.to.tag, ACCOUNT_NAME_SIZE, "%s", dialog->peer_tag);
    batch_add_fact(batch, job, &fact);
}

void batch_marks_plan(struct batch *batch)
{
    size_t i = 0;

    for (struct batch_job *job = batch->jobs; job != NULL; job = job->next, i++) {
        struct message_mark *mark = batch_job_of(job)->mark;
        if (mark == NULL)
            continue;
        const struct marking marking = { mark, &batch->dialogs[i], &batch->relations[i],
                                         message_conversation_id(mark->reader.key,
                                                                 mark->sender.key) };
        plan_mark(batch, batch_job_of(job), &marking, &batch->privacies[i]);
    }
}
