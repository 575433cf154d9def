#include "services/message/store/mongo/batch_repeats.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"

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

static void note_is_read(struct sending *sending, const struct dialog_document *receivers)
{
    sending->send->withheld = sending->message.is_withheld;
    sending->send->is_read =
        !sending->message.is_withheld &&
        sending->message.sender_count <= dialog_document_shown_read(sending->dialog, receivers);
}

enum status batch_repeats_read_marks(struct batch *batch)
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
            note_is_read(&batch->sends[i], &dialogs[n++]);
    free(dialogs);
    free(ids);
    return status;
}

enum status batch_repeats_find(struct batch *batch)
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
