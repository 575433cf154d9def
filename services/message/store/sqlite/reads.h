#ifndef MESSAGE_STORE_SQLITE_READS_H
#define MESSAGE_STORE_SQLITE_READS_H

#include "services/message/store/message_data.h"

struct message_store;

/* Lists, each read in one snapshot of the file. */

enum status message_sqlite_reads_dialogs(struct message_store *store, const char *owner_key,
                                         uint32_t start, uint32_t end,
                                         struct dialog_list *list_out) MUST_CHECK;
enum status message_sqlite_reads_messages(struct message_store *store, const char *owner_key,
                                          const char *peer_key, struct message_range range,
                                          struct message_list *list_out) MUST_CHECK;
enum status message_sqlite_reads_contacts(struct message_store *store, const char *owner_key,
                                          struct message_contacts *contacts_out) MUST_CHECK;

#endif
