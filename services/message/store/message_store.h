#ifndef MESSAGE_STORE_MESSAGE_STORE_H
#define MESSAGE_STORE_MESSAGE_STORE_H

#include "services/message/store/message_data.h"

/*
 * The store of conversations: one interface, two engines, chosen by URL (sqlite:///path,
 * mongodb://host/database). Both pass tests/unit/message/store/test_message_store.c. All functions
 * may be called from any thread. Besides the statuses that each function documents, all may return
 * STATUS_UNAVAILABLE (the store does not answer) or STATUS_BUSY (its queue is full).
 *
 * The model. A conversation is an unordered pair of users. Its messages have a seq 1, 2, 3...
 * without holes, and a sender_count, the number of messages that their sender has sent in it so
 * far. A dialog is one user's view of a conversation; each change of a dialog takes its owner's
 * next user sequence. A message is read when its sender_count is at most the receiver's read count.
 * Everything else follows from the messages and the two read counts.
 *
 * A message whose receiver has blocked its sender is withheld: it has its place in the conversation
 * and in the sender's dialog, and the receiver's dialog stays as if it did not exist. Each user
 * counts the messages of a conversation that are not withheld from that user, so that a seq has no
 * holes for either of them, and may be another one for each.
 */
struct message_store;

/* Opens the store and migrates its schema. STATUS_INVALID_ARGUMENT, logged, for an unknown URL. */
enum status message_store_open(const char *url, struct message_store **store_out) MUST_CHECK;

/* Completes the accepted writes, then closes. NULL is allowed. */
void message_store_close(struct message_store **store);

/* Why the store cannot do its work, in a few words for people; NULL: it can. Does not block. The
 * text is valid until the store is closed. */
const char *message_store_problem(struct message_store *store);

/*
 * `reported` is called after each series of `done` callbacks, on their thread: `done` may defer
 * work that is cheaper for many at once. Before the first write.
 */
void message_store_on_reported(struct message_store *store, void (*reported)(void *ctx), void *ctx);

/*
 * The user of an account, by which it is known in the store (account_name.h); the account's id has
 * 24 hex digits. The first account that claims a tag is the one whose dialogs an older version has
 * stored without an id. When another account claims a tag, it has it from then on: nobody sees
 * dialogs with the former one any more, for clients know users by their tags; they are shown again
 * when the former one claims the tag again. Users that were never claimed have their tag as name.
 * Blocks. STATUS_INVALID_ARGUMENT for a tag or an id that is none.
 */
enum status message_store_claim(struct message_store *store, const char *tag,
                                const char *account_id, struct message_user *user_out) MUST_CHECK;

/* STATUS_OK: accepted, and `done` will be called. Otherwise it will not be called. */
enum status message_store_send(struct message_store *store, struct message_send *send) MUST_CHECK;
enum status message_store_mark_read(struct message_store *store,
                                    struct message_mark *mark) MUST_CHECK;

/* Entries [start, end) of the owner's dialogs, the one with the newest message first. */
enum status message_store_dialogs(struct message_store *store, const char *owner_key,
                                  uint32_t start, uint32_t end,
                                  struct dialog_list *list_out) MUST_CHECK;

/* A part of a conversation, newest first; an empty list when there is no conversation. */
enum status message_store_messages(struct message_store *store, const char *owner_key,
                                   const char *peer_key, struct message_range range,
                                   struct message_list *list_out) MUST_CHECK;

/* All users that the owner has a dialog with, whatever they may see. */
enum status message_store_contacts(struct message_store *store, const char *owner_key,
                                   struct message_contacts *contacts_out) MUST_CHECK;

/* --- relations --- */

/* Blocks, as the two below. RELATION_ADD and RELATION_BLOCK: STATUS_FORBIDDEN when the owner has
 * RELATIONS_MAX. */
enum status message_store_relate(struct message_store *store,
                                 struct relation_change *change) MUST_CHECK;

/* The users whom the owner has blocked, the last one first. */
enum status message_store_blocked(struct message_store *store, const char *owner_key,
                                  struct blocked_list *list_out) MUST_CHECK;

/* The relations of the owner to each of the users, "" for none. */
enum status message_store_relations(struct message_store *store, const char *owner_key,
                                    const char (*keys)[ACCOUNT_NAME_SIZE], size_t count,
                                    struct relation *relations_out) MUST_CHECK;

/* A user that has set nothing shows everything to everyone. */
enum status message_store_privacy(struct message_store *store, const char *key,
                                  struct privacy *privacy_out) MUST_CHECK;
enum status message_store_set_privacy(struct message_store *store, const struct message_user *user,
                                      struct privacy privacy) MUST_CHECK;

/* --- missed changes ---
 *
 * User sequences are valid within an epoch, the lifetime of one store: a copy, or a new store, has
 * another epoch. Once a number is visible, all lower ones are.
 */

/* The epoch of this store, random and durable. */
enum status message_store_epoch(struct message_store *store, char epoch_out[EPOCH_SIZE]) MUST_CHECK;

/* Gives the store another epoch, so that every client reads its lists again: after it was restored
 * by other means. Not while a service uses the store. */
enum status message_store_renew(struct message_store *store) MUST_CHECK;

enum status message_store_changes(struct message_store *store, const char *owner_key,
                                  struct change_range range,
                                  struct change_list *list_out) MUST_CHECK;

/* The newest user sequence of each user, 0 for none. May be behind message_store_changes while a
 * change is being stored, or after a crash until the repair. */
enum status message_store_positions(struct message_store *store,
                                    const char (*keys)[ACCOUNT_NAME_SIZE], size_t count,
                                    uint64_t *positions_out) MUST_CHECK;

/*
 * Records a change for the user and for all contacts. A revision that is not greater than the last
 * one changes nothing (notified_count 0). After a failure the call may be repeated, and may then
 * list users again.
 */
enum status message_store_note_profile(struct message_store *store,
                                       struct message_profile *profile) MUST_CHECK;

/* --- erasing ---
 *
 * A message whose text is erased keeps its place and its numbers, and has "" as its text.
 */

/*
 * Erases a part of what an account that is gone has left: what it has decided about others, what it
 * shows, and with `texts` the texts of what it has sent, for everybody. To be repeated until
 * `is_over`; after a failure, from the beginning. A message that is being stored meanwhile may be
 * missed. Blocks.
 */
enum status message_store_erase(struct message_store *store,
                                struct message_erasure *erasure) MUST_CHECK;

/* Erases a part of the texts that are old; as message_store_erase otherwise. */
enum status message_store_expire(struct message_store *store,
                                 struct message_expiry *expiry) MUST_CHECK;

/* After this, nothing of what was erased before is in the files of a SQLite store. STATUS_BUSY: a
 * reader prevents it now. What a database server keeps in its journal, and for how long, is its
 * own. Blocks. */
enum status message_store_purge(struct message_store *store) MUST_CHECK;

/* --- usage ---
 *
 * How many bytes of texts each user has stored, as the service counts them. Not part of a copy;
 * what an older version stored is not counted.
 */

/* Adds to each user's bytes, at most MESSAGE_USAGE_MAX of them with a call. What is erased is
 * subtracted by the store itself. Blocks. */
enum { MESSAGE_USAGE_MAX = 200 };
enum status message_store_add_usage(struct message_store *store, struct message_usage *usage,
                                    size_t count) MUST_CHECK;

/* --- copies ---
 *
 * A copy reads the dialogs of one store in order, and imports the messages of each into another
 * store (message_store_messages, message_store_import), then the dialogs. All of it may be
 * repeated, after an interruption or because the first store has grown; imported data stays as it
 * is.
 */

/* At most `max` dialogs that follow the one of the owner and the peer ("" and "": from the first),
 * ordered by the owner's key, then the peer's. Fewer than `max` are the last. */
enum status message_store_records(struct message_store *store, const char *after_owner_key,
                                  const char *after_peer_key, size_t max,
                                  struct dialog_record_list *list_out) MUST_CHECK;

/* The seq of the newest message of a conversation, 0 when it has none. */
enum status message_store_newest_seq(struct message_store *store, const char *key,
                                     const char *other_key, uint64_t *seq_out) MUST_CHECK;

/*
 * Stores messages of another store unchanged: of one conversation, newest first, without holes, as
 * message_store_messages lists them; is_read is ignored. STATUS_INVALID_ARGUMENT otherwise, or when
 * they would leave a hole after the stored ones. Messages that are stored already are skipped.
 * STATUS_CONFLICT when another message has the seq or the id of one of them; that a text was erased
 * since makes no other one. After an interruption the stored messages have no hole.
 */
enum status message_store_import(struct message_store *store,
                                 const struct message_list *messages) MUST_CHECK;

/* Raises the numbers of the dialogs, and their owners' user sequences, to those of the records,
 * after their messages were imported. No number decreases. An owner that no account has claimed
 * gets the account of the record. */
enum status message_store_import_dialogs(struct message_store *store,
                                         const struct dialog_record *records,
                                         size_t count) MUST_CHECK;

/* At most `max` relations that follow the one of the owner and the peer, as message_store_records;
 * those that are RELATION_NONE are left out. */
enum status message_store_relation_records(struct message_store *store, const char *after_owner_key,
                                           const char *after_peer_key, size_t max,
                                           struct relation_record_list *list_out) MUST_CHECK;

/* Sets a relation to that of the record. */
enum status message_store_import_relation(struct message_store *store,
                                          const struct relation_record *record) MUST_CHECK;

/* At most `max` users that follow the key, by key, with what they show. */
enum status message_store_privacy_records(struct message_store *store, const char *after_key,
                                          size_t max,
                                          struct privacy_record_list *list_out) MUST_CHECK;

/* The number of dialogs and messages; approximate after a crash of a database server. */
enum status message_store_count(struct message_store *store,
                                struct message_store_counts *counts_out) MUST_CHECK;

#endif
