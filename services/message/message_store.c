#include "services/message/message_store.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/log.h"
#include "services/message/message_store_kind.h"

static const struct message_store_kind *const kinds[] = { &message_store_sqlite,
                                                          &message_store_mongo };

enum status message_store_open(const char *url, struct message_store **store_out)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t length = strlen(kinds[i]->scheme);
        if (strncmp(url, kinds[i]->scheme, length) == 0 && strncmp(url + length, "://", 3) == 0)
            return kinds[i]->open(url, store_out);
    }
    log_error("store.messages: no store of the kind \"%.16s\"", url);
    return STATUS_INVALID_ARGUMENT;
}

void message_store_close(struct message_store **store)
{
    if (*store != NULL)
        (*store)->kind->close(*store);
    *store = NULL;
}

enum status message_store_send(struct message_store *store, struct message_send *send)
{
    return store->kind->send(store, send);
}

enum status message_store_mark_read(struct message_store *store, struct message_mark *mark)
{
    return store->kind->mark_read(store, mark);
}

enum status message_store_dialogs(struct message_store *store, const char *owner_key,
                                  uint32_t start, uint32_t end, struct dialog_list *list_out)
{
    return store->kind->dialogs(store, owner_key, start, end, list_out);
}

enum status message_store_messages(struct message_store *store, const char *owner_key,
                                   const char *peer_key, struct message_range range,
                                   struct message_list *list_out)
{
    return store->kind->messages(store, owner_key, peer_key, range, list_out);
}

enum status message_store_contacts(struct message_store *store, const char *owner_key,
                                   struct message_contacts *contacts_out)
{
    return store->kind->contacts(store, owner_key, contacts_out);
}

void message_list_finish(struct message_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].text);
    free(list->items);
    *list = (struct message_list){ 0 };
}

void dialog_list_finish(struct dialog_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].last.text);
    free(list->items);
    *list = (struct dialog_list){ 0 };
}

void message_contacts_finish(struct message_contacts *contacts)
{
    free(contacts->keys);
    *contacts = (struct message_contacts){ 0 };
}

struct id message_conversation_id(const char *key, const char *other_key)
{
    return strcmp(key, other_key) < 0 ? id_from_parts(key, other_key)
                                      : id_from_parts(other_key, key);
}

struct id message_id_from_client(const char *sender_key, const char *client_message_id)
{
    return id_from_parts(sender_key, client_message_id);
}
