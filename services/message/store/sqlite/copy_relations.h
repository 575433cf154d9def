#ifndef MESSAGE_STORE_SQLITE_COPY_RELATIONS_H
#define MESSAGE_STORE_SQLITE_COPY_RELATIONS_H

#include "services/message/store/message_data.h"

struct message_store;

/* The part of a copy that concerns relations; specified in message_store.h. */

enum status message_sqlite_copy_relations_list(struct message_store *store,
                                               const char *after_owner_key,
                                               const char *after_peer_key, size_t max,
                                               struct relation_record_list *list_out) MUST_CHECK;
enum status message_sqlite_copy_relations_import(struct message_store *store,
                                                 const struct relation_record *record) MUST_CHECK;
enum status message_sqlite_copy_relations_privacies(
    struct message_store *store, const char *after_key, size_t max,
    struct privacy_record_list *list_out) MUST_CHECK;

#endif
