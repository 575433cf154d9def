#ifndef MESSAGE_STORE_MESSAGE_STORE_H
#define MESSAGE_STORE_MESSAGE_STORE_H

#include "services/message/store/message_data.h"

/*
 * Where conversations are kept: one interface, several stores, chosen by URL (sqlite:///path,
 * mongodb://host/database).
 * Every store passes tests/unit/message/store/test_message_store.c. All functions may be called
 * from any thread. Besides what each says, every one may end with STATUS_UNAVAILABLE (the store
 * does not answer) or STATUS_BUSY (its queue is full).
 *
 * The model. A conversation is an unordered pair of users; its messages carry seq 1, 2, 3...
 * without holes, and sender_count, how many of them their sender has sent so far. A dialog is one
 * user's view of a conversation; each change of a dialog takes its owner's next user sequence. A
 * message is read when its sender_count is at most what the receiver has read. All of it follows
 * from the messages and the two read counts.
 */
struct message_store;

/* Opens the store and brings its schema up to date. STATUS_INVALID_ARGUMENT: not a URL we know. */
enum status message_store_open(const char *url, struct message_store **store_out) MUST_CHECK;

/* Finishes what was accepted. */
void message_store_close(struct message_store **store);

/*
 * What is called after each series of `done`, on their thread, before it waits for the next: so
 * `done` may put off what is cheaper for many at once. Before the first write.
 */
void message_store_on_reported(struct message_store *store, void (*reported)(void *ctx), void *ctx);

/* STATUS_OK: accepted, `done` will be called. Otherwise it will not. */
enum status message_store_send(struct message_store *store, struct message_send *send) MUST_CHECK;
enum status message_store_mark_read(struct message_store *store,
                                    struct message_mark *mark) MUST_CHECK;

/* Entries [start, end) of the owner's dialogs, the one with the newest message first. */
enum status message_store_dialogs(struct message_store *store, const char *owner_key,
                                  uint32_t start, uint32_t end,
                                  struct dialog_list *list_out) MUST_CHECK;

/* That part of a conversation, newest first; nothing when there is no such conversation. */
enum status message_store_messages(struct message_store *store, const char *owner_key,
                                   const char *peer_key, struct message_range range,
                                   struct message_list *list_out) MUST_CHECK;

/* Everyone the owner has a dialog with. */
enum status message_store_contacts(struct message_store *store, const char *owner_key,
                                   struct message_contacts *contacts_out) MUST_CHECK;

/*
 * --- what a user has missed ---
 *
 * User sequences count on within an epoch, the life of one store: a copy, or a store made anew, has
 * another. A number that has been seen has all lower ones visible.
 */

/* The epoch of this store, random and durable. */
enum status message_store_epoch(struct message_store *store, char epoch_out[EPOCH_SIZE]) MUST_CHECK;

enum status message_store_changes(struct message_store *store, const char *owner_key,
                                  struct change_range range,
                                  struct change_list *list_out) MUST_CHECK;

/* The newest user sequences of some users, 0 for those who have none. May lie behind what
 * message_store_changes tells while a change is being stored, or after a crash until the repair. */
enum status message_store_positions(struct message_store *store, const char (*keys)[TAG_SIZE],
                                    size_t count, uint64_t *positions_out) MUST_CHECK;

/*
 * Gives the user and everyone with a dialog with the user a change. A revision that is not greater
 * than one noted before changes nothing and tells nobody (told_count 0); after a failure it may be
 * given again, and may then tell those again who had been told.
 */
enum status message_store_note_profile(struct message_store *store,
                                       struct message_profile *profile) MUST_CHECK;

/*
 * --- everything there is, for a copy ---
 *
 * A copy goes through the dialogs of one store in order, brings the messages of each into another
 * store (message_store_messages, message_store_import), then the dialogs themselves. All of it may
 * be done again, after an interruption or because the first store has grown; what is there stays.
 */

/* At most `most` dialogs that come after that of the owner and the peer ("" and "": the first), by
 * the owner's key, then the peer's. Less than `most` are the last. */
enum status message_store_records(struct message_store *store, const char *after_owner_key,
                                  const char *after_peer_key, size_t max,
                                  struct dialog_record_list *list_out) MUST_CHECK;

/* The seq of the newest message of a conversation, 0 when it has none. */
enum status message_store_newest_seq(struct message_store *store, const char *key,
                                     const char *other_key, uint64_t *seq_out) MUST_CHECK;

/*
 * Stores messages of another store as they are, of one conversation, newest first and without
 * holes: as message_store_messages lists them; is_read is left out. STATUS_INVALID_ARGUMENT when
 * they are not like that, or would leave a hole above what is there. Those that are there already
 * are left alone. STATUS_CONFLICT when another message has the place or the id of one of them.
 * After an interruption what is stored is without holes, too.
 */
enum status message_store_import(struct message_store *store,
                                 const struct message_list *messages) MUST_CHECK;

/* Raises the dialogs' numbers, and their owners' user sequences, to those of the records, once
 * their messages are there. No number falls. */
enum status message_store_import_dialogs(struct message_store *store,
                                         const struct dialog_record *records,
                                         size_t count) MUST_CHECK;

/* How much there is; after a crash of the database server it may be out by a little. */
enum status message_store_count(struct message_store *store,
                                struct message_store_counts *counts_out) MUST_CHECK;

#endif
