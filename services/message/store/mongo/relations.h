#ifndef MESSAGE_STORE_MONGO_RELATIONS_H
#define MESSAGE_STORE_MONGO_RELATIONS_H

#include "services/message/store/mongo/documents.h"

struct message_store;

/* What users have decided about each other, and what they show: documents of the collections
 * `relations` and `privacy`. */

/* Specified in message_store.h. */
enum status message_mongo_relations_change(struct message_store *store,
                                           struct relation_change *change) MUST_CHECK;
enum status message_mongo_relations_blocked(struct message_store *store, const char *owner_key,
                                            struct blocked_list *list_out) MUST_CHECK;
enum status message_mongo_relations_find(struct message_store *store, const char *owner_key,
                                         const char (*keys)[ACCOUNT_NAME_SIZE], size_t count,
                                         struct relation *relations_out) MUST_CHECK;
enum status message_mongo_relations_privacy(struct message_store *store, const char *key,
                                            struct privacy *privacy_out) MUST_CHECK;
enum status message_mongo_relations_set_privacy(struct message_store *store,
                                                const struct message_user *user,
                                                struct privacy privacy) MUST_CHECK;

/* Both documents of two users; zero for one that does not exist. */
struct relation_documents {
    enum relation_state mine, theirs;
    bool withheld_from_me, withheld_from_them; /* some messages are (withheld.h) */
};

/* Two users by their keys, borrowed. */
struct relation_pair {
    const char *owner, *peer;
};

/* Those of each pair. */
enum status relation_documents_find(struct mongo_db *db, const struct relation_pair *pairs,
                                    size_t count,
                                    struct relation_documents *documents_out) MUST_CHECK;

/* The owner's relations to each of the users, whose dialogs of the owner are given. */
enum status relation_documents_describe(struct mongo_db *db, const char *owner_key,
                                        const char (*keys)[ACCOUNT_NAME_SIZE],
                                        const struct dialog_document *dialogs, size_t count,
                                        const struct relation_documents *documents,
                                        struct relation *relations_out) MUST_CHECK;

/* What each of the users shows, in the order of the keys. */
enum status relation_documents_find_privacies(struct mongo_db *db,
                                              const char (*keys)[ACCOUNT_NAME_SIZE], size_t count,
                                              struct privacy *privacies_out) MUST_CHECK;

struct privacy relation_documents_read_privacy(const bson_t *document);

/* What `owner` has decided about `peer`. The caller destroys both. */
struct mongo_upsert relation_documents_put(const struct message_user *owner,
                                           const struct message_user *peer,
                                           enum relation_state state, int64_t now_ms);

/* Records that messages of `peer` are withheld from `owner`. The caller destroys both. */
struct mongo_upsert relation_documents_note_withheld(const char *owner_key, const char *peer_key,
                                                     uint64_t seq);

#endif
