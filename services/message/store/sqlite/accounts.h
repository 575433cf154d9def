#ifndef MESSAGE_STORE_SQLITE_ACCOUNTS_H
#define MESSAGE_STORE_SQLITE_ACCOUNTS_H

#include "services/message/store/message_data.h"

struct message_store;

/* Which account a row of the table `account` belongs to. Rows of older versions belong to none, and
 * to the first account that claims their tag. A row whose tag another account has is superseded. */

/* Specified in message_store.h. */
enum status message_sqlite_accounts_claim(struct message_store *store, struct message_user *user,
                                          const char *account_id) MUST_CHECK;

/* SQL: the dialog's peer is an account that has its tag. */
#define ACCOUNTS_PEER_IS_CURRENT(peer) peer " NOT IN (SELECT id FROM account WHERE superseded = 1)"

#endif
