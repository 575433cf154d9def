#ifndef MESSAGE_STORE_MONGO_COPY_H
#define MESSAGE_STORE_MONGO_COPY_H

#include "services/message/store/mongo/documents.h"

struct message_store;

/* Copies, from and to MongoDB; each function is specified in message_store.h. */

enum status message_mongo_copy_records(struct message_store *store, const char *after_owner_key,
                                       const char *after_peer_key, size_t max,
                                       struct dialog_record_list *list_out) MUST_CHECK;

enum status message_mongo_copy_newest_seq(struct message_store *store, const char *key,
                                          const char *other_key, uint64_t *seq_out) MUST_CHECK;

enum status message_mongo_copy_import(struct message_store *store,
                                      const struct message_list *messages) MUST_CHECK;

enum status message_mongo_copy_import_dialogs(struct message_store *store,
                                              const struct dialog_record *records,
                                              size_t count) MUST_CHECK;
enum status message_mongo_copy_count(struct message_store *store,
                                     struct message_store_counts *counts_out) MUST_CHECK;

#endif
