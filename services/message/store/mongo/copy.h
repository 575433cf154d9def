#ifndef MESSAGE_STORE_MONGO_COPY_H
#define MESSAGE_STORE_MONGO_COPY_H

#include "services/message/store/mongo/documents.h"

/* What MongoDB does for a copy; each promises what message_store.h says of its namesake. */

enum status copy_mongo_records(struct mongo_db *db, const char *after_owner_key,
                               const char *after_peer_key, size_t most,
                               struct dialog_record_list *list_out) MUST_CHECK;

enum status copy_mongo_newest_seq(struct mongo_db *db, const char *key, const char *other_key,
                                  uint64_t *seq_out) MUST_CHECK;

enum status copy_mongo_import(struct mongo_db *db, const struct message_list *messages) MUST_CHECK;

enum status copy_mongo_import_dialogs(struct mongo_db *db, const struct dialog_record *records,
                                      size_t count) MUST_CHECK;

#endif
