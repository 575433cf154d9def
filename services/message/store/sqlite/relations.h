#ifndef MESSAGE_STORE_SQLITE_RELATIONS_H
#define MESSAGE_STORE_SQLITE_RELATIONS_H

#include "services/message/store/message_data.h"

struct message_store;

/* What users have decided about each other, and what they show: rows of the table `relation`, and
 * columns of `account`. */

/* Specified in message_store.h. */
enum status message_sqlite_relations_change(struct message_store *store,
                                            struct relation_change *change) MUST_CHECK;
enum status message_sqlite_relations_blocked(struct message_store *store, const char *owner_key,
                                             struct blocked_list *list_out) MUST_CHECK;
enum status message_sqlite_relations_find(struct message_store *store, const char *owner_key,
                                          const char (*keys)[ACCOUNT_NAME_SIZE], size_t count,
                                          struct relation *relations_out) MUST_CHECK;
enum status message_sqlite_relations_privacy(struct message_store *store, const char *key,
                                             struct privacy *privacy_out) MUST_CHECK;
enum status message_sqlite_relations_set_privacy(struct message_store *store,
                                                 const struct message_user *user,
                                                 struct privacy privacy) MUST_CHECK;

#endif
