#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/messengerctl/console.h"
#include "services/messengerctl/stores/copy.h"
#include "services/messengerctl/stores/pairs.h"

enum { CHUNK = 256, RECORDS_MAX = 256 };

struct dialogs_copy {
    struct copy *copy;
    /* Dialogs whose messages have been copied, but not the dialogs themselves. */
    struct dialog_record records[RECORDS_MAX];
    size_t count;
};

static enum status flush_dialogs(struct dialogs_copy *dialogs)
{
    enum status status =
        message_store_import_dialogs(dialogs->copy->to->messages, dialogs->records, dialogs->count);

    if (status != STATUS_OK)
        return installation_failed(dialogs->copy->to, status, "storing dialogs");
    dialogs->count = 0;
    return STATUS_OK;
}

static enum status was_used(const struct copy *copy, const struct dialog_record *record,
                            const char *what, const char *how)
{
    console_error("%s: %s of %s and %s %s than in %s; it is another installation, or has been used",
                  copy->to->name, what, record->owner.tag, record->peer.tag, how, copy->from->name);
    return STATUS_CONFLICT;
}

/* --- messages ------------------------------------------------------------------------------ */

/* Messages `first` to `last` of a conversation. */
static enum status copy_chunk(struct copy *copy, const struct dialog_record *record, uint64_t first,
                              uint64_t last)
{
    struct message_range range = {
        .start = 0, .end = (uint32_t)(last - first + 1), .newest_seq = last, .is_raw = true
    };
    struct message_list list;

    enum status status = message_store_messages(copy->from->messages, record->owner.key,
                                                record->peer.key, range, &list);
    if (status != STATUS_OK)
        return installation_failed(copy->from, status, "reading messages");
    if (list.count != last - first + 1) {
        console_error("%s lacks some of the messages %" PRIu64 " to %" PRIu64 " of %s and %s",
                      copy->from->name, first, last, record->owner.tag, record->peer.tag);
        status = STATUS_INTERNAL;
    }
    if (status == STATUS_OK) {
        status = message_store_import(copy->to->messages, &list);
        if (status == STATUS_CONFLICT)
            status = was_used(copy, record, "the messages", "are others");
        else if (status != STATUS_OK)
            status = installation_failed(copy->to, status, "storing messages");
    }
    message_list_finish(&list);
    return status;
}

/* The newest message of the conversation in both. A page of dialogs may be older than messages
 * copied from the other side since; but the target is never ahead of the source. */
static enum status compare_newest(struct copy *copy, const struct dialog_record *record,
                                  uint64_t *there_out, uint64_t *last_out)
{
    enum status status = message_store_newest_seq(copy->to->messages, record->owner.key,
                                                  record->peer.key, there_out);

    if (status != STATUS_OK)
        return installation_failed(copy->to, status, "looking for messages");
    *last_out = record->last_seq;
    if (*there_out <= record->last_seq)
        return STATUS_OK;
    status = message_store_newest_seq(copy->from->messages, record->owner.key, record->peer.key,
                                      last_out);
    if (status != STATUS_OK)
        return installation_failed(copy->from, status, "looking for messages");
    return *there_out > *last_out ? was_used(copy, record, "the messages", "are others")
                                  : STATUS_OK;
}

/* Copies from the target's newest message on, including that one: if it is equal, so are all
 * earlier ones, since the import refuses messages that do not fit. */
static enum status copy_messages(struct copy *copy, const struct dialog_record *record)
{
    uint64_t there = 0, last = 0;

    enum status status = compare_newest(copy, record, &there, &last);
    if (status != STATUS_OK)
        return status;
    bool counts = strcmp(record->owner.key, record->peer.key) < 0; /* once of the two */
    if (counts)
        progress_add(&copy->progress, there);
    for (uint64_t first = there > 0 ? there : 1; first <= last && status == STATUS_OK;
         first += CHUNK) {
        if (pairs_stopping())
            return STATUS_DEADLINE_EXCEEDED;
        uint64_t end = first + CHUNK - 1 < last ? first + CHUNK - 1 : last;
        status = copy_chunk(copy, record, first, end);
        if (status == STATUS_OK && end > there) {
            uint64_t fresh = end - (first > there ? first - 1 : there);
            copy->messages += fresh;
            if (counts)
                progress_add(&copy->progress, fresh);
        }
    }
    return status;
}

/* --- dialogs ------------------------------------------------------------------------------- */

static bool is_same_dialog(const struct dialog_record *one, const struct dialog_record *other)
{
    return one->last_seq == other->last_seq && one->in_count == other->in_count &&
           one->out_count == other->out_count && one->in_read == other->in_read &&
           one->out_read == other->out_read && one->last_date_ms == other->last_date_ms &&
           one->last_mod == other->last_mod && one->mod == other->mod;
}

/* The numbers in the target were copied from the source, whose numbers only grow. Numbers that
 * copied messages have raised are checked with the messages. */
static bool is_ahead(const struct dialog_record *there, const struct dialog_record *record)
{
    return there->mod > record->mod || there->in_read > record->in_read ||
           there->out_read > record->out_read;
}

static enum status take_only_there(const struct dialogs_copy *dialogs,
                                   const struct dialog_record *there)
{
    if (there->mod == 0)
        return STATUS_OK; /* made with its messages; the source shows it a moment later */
    console_error("%s holds a dialog that %s does not have: %s with %s; it is another "
                  "installation, or has been used",
                  dialogs->copy->to->name, dialogs->copy->from->name, there->owner.tag,
                  there->peer.tag);
    return STATUS_CONFLICT;
}

static enum status take_dialog(void *ctx, const void *one, const void *other)
{
    struct dialogs_copy *dialogs = ctx;
    const struct dialog_record *record = one, *there = other;
    enum status status = STATUS_OK;

    if (record == NULL)
        return take_only_there(dialogs, there);
    progress_add(&dialogs->copy->progress, 1);
    if (there != NULL && is_ahead(there, record))
        return was_used(dialogs->copy, record, "the dialog", "has gone further");
    if (there != NULL && is_same_dialog(record, there)) {
        if (strcmp(record->owner.key, record->peer.key) < 0)
            progress_add(&dialogs->copy->progress, record->last_seq);
        if (there->user_seq >= record->user_seq)
            return STATUS_OK;
    } else {
        status = copy_messages(dialogs->copy, record);
        dialogs->copy->dialogs += there == NULL || there->mod == 0;
    }
    if (status != STATUS_OK)
        return status;
    dialogs->records[dialogs->count++] = *record;
    return dialogs->count == RECORDS_MAX ? flush_dialogs(dialogs) : STATUS_OK;
}

enum status copy_dialogs(struct copy *copy)
{
    struct dialogs_copy *dialogs = xcalloc(1, sizeof(*dialogs));

    dialogs->copy = copy;
    enum status status = pairs_walk(&listing_dialogs, copy->from, copy->to, take_dialog, dialogs);
    if (status == STATUS_OK)
        status = flush_dialogs(dialogs);
    free(dialogs);
    return status;
}
