#ifndef MESSAGE_STORE_MONGO_READS_H
#define MESSAGE_STORE_MONGO_READS_H

#include "services/message/store/message_data.h"

struct message_store;

/* Lists. A dialog whose last message a lagging member does not show yet is left out. */

enum status message_mongo_reads_dialogs(struct message_store *store, const char *owner_key,
                                        uint32_t start, uint32_t end,
                                        struct dialog_list *list_out) MUST_CHECK;
enum status message_mongo_reads_messages(struct message_store *store, const char *owner_key,
                                         const char *peer_key, struct message_range range,
                                         struct message_list *list_out) MUST_CHECK;
enum status message_mongo_reads_contacts(struct message_store *store, const char *owner_key,
                                         struct message_contacts *contacts_out) MUST_CHECK;

#endif
