#ifndef MESSAGE_STORE_MONGO_DOCUMENTS_H
#define MESSAGE_STORE_MONGO_DOCUMENTS_H

#include "services/common/store/mongo_db.h"
#include "services/message/store/message_data.h"

/*
 * The documents of the MongoDB message store.
 * Facts. They are inserted and never changed; a unique key orders concurrent writers.
 *   messages   { _id, conv, seq, senderTag, receiverTag, text, date, senderCount, withheld?,
 *                imported? }
 *              unique (conv, seq): the sequencer of a conversation. One that was imported from
 *              another store has no changes here.
 *              `withheld` is the receiver's key, of a message that it must never see (withheld.h).
 *   changes    { _id: "<owner>/<cause>", owner, mod, peer, kind, seq | count | revision,
 *                step? }
 *              unique (owner, mod): the sequencer of a user. `step`: how much greater `mod` is than
 *              that of the owner's change before, if not 1. The cause is the message, or the mark,
 *              or the revision of a profile: so a change is one and the same however often it is
 *              made. That a user has read so many messages of another is a fact by the reader's
 *              change. They are kept as long as the messages, so that a user may have been away
 *              for any time (changes.h).
 *              { _id: "<owner>/step/<run>", owner, mod, kind: "step", to, given }
 *              is no change: no number from this one to the one before `to` is ever given, and
 *              `given` is the newest that was (lineage.h).
 * Derived from the facts, and can be derived again at any time (settle.h):
 *   dialogs    { _id: "<owner>/<peer>", ownerTag, peerTag, lastSeq, lastDate, inCount, outCount,
 *                inRead, outRead, lastMod, mod, secretRead? }
 *              `secretRead` is the greatest inRead that the peer must not see.
 *              Each number only grows, and is written with $max: writes may come in any order,
 *              twice or late.
 *   positions  { _id: owner, mod, revision? }
 *              About the owner's newest change, never more than it; but never less than the
 *              history that was imported, of which there are no changes: the next one follows it.
 *              `revision` of the owner's own profile is the newest that all have a change of.
 *   withheld   { _id: the message's, conv, seq, receiver, count }
 * What users decide:
 *   relations  { _id: "<owner>/<peer>", ownerTag, peerTag, state, since, withheld? }
 *              `withheld`: the seq of the newest message of the peer that is, if there is one.
 *   privacy    { _id: owner, tag, online, readMarks }
 * Notes of the facts that may have to be settled again (repair.h):
 *   work       { _id: writer, batch, messages: [_id], at,
 *                reads: [{ reader, sender, count, secret? }] }
 * How much users have stored, approximately (usage.h):
 *   usage      { _id: key, bytes }
 * Who has which name (accounts.h):
 *   accounts   { _id: key, account: 24 hex digits, superseded? }
 * The identity of the store:
 *   meta       { _id: "epoch", value: 16 hex digits }
 *              { _id: "beat/<run>", beat, at }      one of each process (lineage.h)
 *
 * Shard keys: messages { conv: 1 }, dialogs { _id: 1 } (an owner's dialogs lie together), changes
 * { owner: 1 }. On a sharded cluster nothing but the conversation's own shard looks for a client's
 * id, so that one used for two receivers is not always refused.
 */

#define MESSAGES "messages"
#define CHANGES "changes"
#define DIALOGS "dialogs"
#define POSITIONS "positions"
#define WORK "work"
#define META "meta"
#define ACCOUNTS "accounts" /* accounts.h */
#define RELATIONS "relations"
#define PRIVACY "privacy"
#define WITHHELD "withheld"
#define USAGE "usage"

enum { DIALOG_ID_SIZE = 2 * ACCOUNT_NAME_SIZE, CHANGE_ID_SIZE = 3 * ACCOUNT_NAME_SIZE };

/* A conversation as of one of its messages, from which all its numbers follow. */
struct conversation_state {
    uint64_t seq;           /* 0: no message yet */
    uint64_t sent_by_first; /* how many of them by the user with the lesser key */
    int64_t date_ms;
};

/* Keys of accounts whose tag another account has (accounts.h). Owned by the caller. */
struct superseded {
    char (*keys)[ACCOUNT_NAME_SIZE];
    size_t count;
};

/* One owner's dialog; all zero when there is none. */
struct dialog_document {
    char owner_tag[ACCOUNT_NAME_SIZE], peer_tag[ACCOUNT_NAME_SIZE];
    uint64_t last_seq, in_count, out_count, in_read, out_read;
    uint64_t secret_read;
    uint64_t last_mod, mod;
    int64_t last_date_ms;
};

/* "<owner>/<peer>" */
void dialog_document_id(const char *owner_key, const char *peer_key, char id_out[DIALOG_ID_SIZE]);

/* A filter for all dialogs of an owner; the caller destroys it. */
bson_t *dialog_documents_of(const char *owner_key);

/* How many of the owner's messages the peer has read, as far as the owner may see it. What each has
 * read is in the reader's own dialog first: `mirror` is the peer's. */
uint64_t dialog_document_shown_read(const struct dialog_document *dialog,
                                    const struct dialog_document *mirror);

/* The number of unread messages; 0 when another process's mark is visible before the message. */
uint64_t dialog_document_unread(uint64_t count, uint64_t read);

void dialog_document_read(const bson_t *document, struct dialog_document *dialog_out);

/* The rows with these ids, in the order of the ids. */
enum status dialog_documents_find(struct mongo_db *db, const char (*ids)[DIALOG_ID_SIZE],
                                  size_t count, struct dialog_document *dialogs_out) MUST_CHECK;

/* The document of a message; the caller destroys it. */
bson_t *message_document(const struct message *message, const struct id *conversation);

/* Whether the message was imported from another store, and so must not be settled. */
bool message_document_is_imported(const bson_t *document);

/* The caller frees the text. is_read is not set. */
void message_document_read(const bson_t *document, struct message *message_out);

/* A conversation's newest message; a zeroed state when there is none. */
enum status documents_find_conversation(struct mongo_db *db, const struct id *conversation,
                                        struct conversation_state *state_out) MUST_CHECK;

/* { field: { $in: [texts] } }, or { field: text } for a single one; the caller destroys it. */
bson_t *documents_filter_any(const char *field, const char *texts, size_t stride, size_t count);

/* How many of the messages up to `seq` of a conversation this sender has sent; `*count_out` stays
 * as it is when there is no such message. */
enum status message_document_received(struct mongo_db *db, const char *reader_key,
                                      const char *sender_key, uint64_t seq,
                                      uint64_t *count_out) MUST_CHECK;

#endif
