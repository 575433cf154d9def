#ifndef MESSAGE_STORE_SQLITE_COPY_H
#define MESSAGE_STORE_SQLITE_COPY_H

#include "services/common/store/sqlite_writer.h"
#include "services/message/store/message_store.h"

/* What a SQLite file does for a copy; each promises what message_store.h says of its namesake. */

enum status copy_sqlite_records(struct sqlite_db *db, const char *after_owner_key,
                                const char *after_peer_key, size_t most,
                                struct dialog_record_list *list_out) MUST_CHECK;

enum status copy_sqlite_newest_seq(struct sqlite_db *db, const char *key, const char *other_key,
                                   uint64_t *seq_out) MUST_CHECK;

/* All of them in one transaction. */
enum status copy_sqlite_import(struct sqlite_writer *writer,
                               const struct message_list *messages) MUST_CHECK;

/* Likewise. */
enum status copy_sqlite_import_dialogs(struct sqlite_writer *writer,
                                       const struct dialog_record *records,
                                       size_t count) MUST_CHECK;

enum status copy_sqlite_count(struct sqlite_db *db,
                              struct message_store_counts *counts_out) MUST_CHECK;

#endif
