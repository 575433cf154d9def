#include "services/message/store/mongo/fact.h"

bool fact_from_message(const bson_t *document, struct fact *fact_out)
{
    *fact_out = (struct fact){ .kind = FACT_MESSAGE,
                               .seq = (uint64_t)mongo_int(document, "seq"),
                               .count = (uint64_t)mongo_int(document, "senderCount"),
                               .date_ms = mongo_date(document, "date"),
                               .withheld = *mongo_text(document, "withheld") != '\0' };
    mongo_id(document, "_id", &fact_out->message);
    return !message_document_is_imported(document) &&
           message_user_set(&fact_out->from, mongo_text(document, "senderTag")) &&
           message_user_set(&fact_out->to, mongo_text(document, "receiverTag"));
}

static void raise(uint64_t *number, uint64_t value)
{
    if (value > *number)
        *number = value;
}

void fact_raise(const struct fact *fact, bool by_owner, struct dialog_document *dialog)
{
    if (fact->kind == FACT_READ && (by_owner || !fact->secret))
        raise(by_owner ? &dialog->in_read : &dialog->out_read, fact->count);
    if (fact->kind == FACT_READ && by_owner && fact->secret)
        raise(&dialog->secret_read, fact->count);
    if (fact->kind != FACT_MESSAGE || (fact->withheld && !by_owner))
        return;
    raise(&dialog->last_seq, fact->seq);
    raise(by_owner ? &dialog->out_count : &dialog->in_count, fact->count);
    raise(by_owner ? &dialog->in_count : &dialog->out_count, fact->seq - fact->count);
    if (fact->date_ms > dialog->last_date_ms)
        dialog->last_date_ms = fact->date_ms;
}
