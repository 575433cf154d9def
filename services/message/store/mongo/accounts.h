#ifndef MESSAGE_STORE_MONGO_ACCOUNTS_H
#define MESSAGE_STORE_MONGO_ACCOUNTS_H

#include <stdbool.h>

#include "services/common/store/mongo_db.h"
#include "services/message/store/message_data.h"
#include "services/message/store/mongo/documents.h"

struct message_store;

/*
 * Which account has which name (account_name.h): documents of the collection `accounts`. A name
 * without a document belongs to nobody yet: dialogs of older versions do, and so belong to the
 * first account that claims their tag.
 */

/* Specified in message_store.h. */
enum status message_mongo_accounts_claim(struct message_store *store, struct message_user *user,
                                         const char *account_id) MUST_CHECK;

/*
 * The accounts whose tag another account has. There are some only after the store of users was
 * replaced. Read every ACCOUNTS_READ_MS: until then, another process's claim may not be seen.
 */
enum { ACCOUNTS_READ_MS = 2000, ACCOUNTS_SUPERSEDED_MAX = 10000 };

enum status message_mongo_accounts_superseded(struct message_store *store,
                                              struct superseded *superseded_out) MUST_CHECK;
bool message_mongo_accounts_is_in(const struct superseded *superseded, const char *key);
void message_mongo_accounts_finish(struct superseded *superseded);

/* A filter for an owner's dialogs with accounts that have their tags; the caller destroys it. */
bson_t *message_mongo_accounts_dialogs(const struct superseded *superseded, const char *owner_key);

/* Sets the accounts of the owners of the records. */
enum status message_mongo_accounts_read(struct mongo_db *db,
                                        struct dialog_record_list *records) MUST_CHECK;

/* The accounts of the owners, of those that have none yet. */
enum status message_mongo_accounts_import(struct mongo_db *db, const struct dialog_record *records,
                                          size_t count) MUST_CHECK;

#endif
