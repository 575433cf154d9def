#ifndef MESSAGE_STORE_MONGO_WITHHELD_H
#define MESSAGE_STORE_MONGO_WITHHELD_H

#include "services/message/store/mongo/fact.h"
#include "services/message/store/mongo/relations.h"

/*
 * Messages that are withheld from their receivers (message_store.h): each has its receiver's key in
 * `withheld`, and a document of the collection of this name, derived from it when the message is
 * settled (settle.h). Until a later message of the conversation is, the receiver's dialog ends
 * before it. A user counts the messages that are not withheld from it, so the seq that a user sees
 * is that of the store less the number of earlier messages withheld from this user.
 */

/* How many messages up to this seq of the store are withheld from the receiver. */
enum status message_mongo_withheld_count(struct mongo_db *db, const struct id *conversation,
                                         const char *receiver_key, uint64_t seq,
                                         uint64_t *count_out) MUST_CHECK;

/* The same by the sender's count: more than `above`, at most `up_to`. */
enum status message_mongo_withheld_count_sent(struct mongo_db *db, const struct id *conversation,
                                              const char *receiver_key, uint64_t above,
                                              uint64_t up_to, uint64_t *count_out) MUST_CHECK;

/* The seq of the store of the message that the receiver sees as `seq`. */
enum status message_mongo_withheld_to_stored(struct mongo_db *db, const struct id *conversation,
                                             const char *receiver_key, uint64_t seq,
                                             uint64_t *stored_out) MUST_CHECK;

/* Sets what the owner of a dialog counts: the seq of the last message, and what is unread. */
enum status message_mongo_withheld_adjust_dialog(struct mongo_db *db,
                                                 const struct relation_pair *pair,
                                                 const struct relation_documents *relations,
                                                 const struct dialog_document *document,
                                                 struct dialog *dialog) MUST_CHECK;

/* Derives the documents of those of the facts that are withheld messages. */
enum status message_mongo_withheld_settle(struct mongo_db *db, struct fact *const *facts,
                                          size_t count) MUST_CHECK;

#endif
