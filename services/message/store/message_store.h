#ifndef MESSAGE_STORE_MESSAGE_STORE_H
#define MESSAGE_STORE_MESSAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/id.h"
#include "services/common/base/status.h"
#include "services/common/base/tag.h"

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

/* A user as a conversation knows it: the tag as typed at sign-up, and its key. */
struct message_user {
    char tag[TAG_SIZE];
    char key[TAG_SIZE];
};

struct message {
    struct id id;
    char sender_tag[TAG_SIZE];
    char receiver_tag[TAG_SIZE];
    char *text;      /* UTF-8 */
    int64_t date_ms; /* never falls within a conversation */
    uint64_t seq;
    uint64_t sender_count;
    bool is_read;
};

/* What sending needs and yields. */
struct message_send {
    /* in: borrowed until `done` */
    struct message_user sender, receiver;
    const char *text;
    const char *client_message_id; /* "" = none */
    int64_t now_ms;
    /* out */
    struct id id;
    int64_t date_ms;
    uint64_t seq;
    bool repeated; /* it had been stored before; the other out fields are of then, is_read of now */
    bool is_read;
    uint64_t sender_user_seq, receiver_user_seq; /* 0 when repeated */
    /*
     * Called once, on a thread of the store, in the order of the sequence numbers of this process.
     * STATUS_OK: stored durably. STATUS_CONFLICT: the client's id was used before for another
     * receiver or text. Must not block for long.
     */
    void (*done)(struct message_send *send, enum status status);
};

/* Marks everything the sender sent to the reader as read. */
struct message_mark {
    struct message_user reader, sender; /* in; keys only */
    uint64_t newly_read; /* out: 0 when there was nothing to mark, not even a dialog */
    bool has_dialog;
    char sender_tag[TAG_SIZE], reader_tag[TAG_SIZE]; /* out, as typed, if there is a dialog */
    uint64_t reader_user_seq, sender_user_seq;       /* 0 when nothing changed */
    void (*done)(struct message_mark *mark, enum status status);
};

struct dialog {
    struct message last;
    char peer_tag[TAG_SIZE];
    struct id conversation;
    uint64_t unread_incoming, unread_outgoing;
};

struct message_list {
    struct message *items;
    size_t count;
};

struct dialog_list {
    struct dialog *items;
    size_t count;
};

struct message_contacts {
    char (*keys)[TAG_SIZE];
    size_t count;
};

/* What can change for a user. */
enum change_kind {
    CHANGE_NEW_MESSAGE,  /* sent to the owner */
    CHANGE_MESSAGE_SENT, /* by the owner */
    CHANGE_WAS_READ,     /* the peer has read the owner's messages */
    CHANGE_READ,         /* the owner has read the peer's */
    CHANGE_CONTACT,      /* the peer's profile */
    CHANGE_SELF,         /* the owner's own profile; there is no peer */
};

struct message_change {
    uint64_t user_seq;
    enum change_kind kind;
    struct message message; /* of the first two kinds */
    char peer_tag[TAG_SIZE];
};

/* Which changes: at most `most`, at least 1, of those after `since`. */
struct change_range {
    uint64_t since;
    size_t most;
    bool dialogs; /* also the dialogs they belong to */
};

/*
 * All changes after range.since up to `position`, by user_seq. Of marks of one dialog and of
 * changes of one profile the last may stand for all. `dialogs` are at least as new as `position`,
 * each once, in the order of its first change here.
 */
struct change_list {
    struct message_change *items;
    size_t count;
    struct dialog_list dialogs;
    uint64_t position; /* the owner's newest user sequence, or with `more` that of the last item */
    bool more;
    bool reset; /* cannot be told from there: nothing is listed, `position` is the newest */
};

/* A new state of a user's profile, which the user and all contacts are to see. */
struct message_profile {
    struct message_user user; /* in */
    uint64_t revision;        /* in: from 1 on, rises with each change of this user's profile */
    /* out: who takes notice, the user included; free `told` with free. */
    struct profile_notice {
        char key[TAG_SIZE];
        uint64_t user_seq;
    } * told;
    size_t told_count;
};

enum { EPOCH_SIZE = 17 }; /* 16 hex digits */

/* One owner's dialog with all its numbers, as stored: for a copy. */
struct dialog_record {
    struct message_user owner, peer;
    uint64_t last_seq;
    uint64_t in_count, out_count; /* sent to the owner, and by the owner */
    uint64_t in_read, out_read;   /* how many of them are read */
    int64_t last_date_ms;
    uint64_t last_mod; /* the owner's user sequence at the last message */
    uint64_t mod;      /* and at the last change */
    uint64_t user_seq; /* the owner's newest user sequence, of whichever dialog */
};

/* Owned by the caller; free `items` with free. */
struct dialog_record_list {
    struct dialog_record *items;
    size_t count;
};

struct message_store_counts {
    uint64_t dialogs, messages;
};

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

/* Which part of a conversation: entries [start, end) counted back from the message `newest_seq`,
 * or from the newest when that is 0. */
struct message_range {
    uint32_t start, end;
    uint64_t newest_seq;
};

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
                                  const char *after_peer_key, size_t most,
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

/* Free what the lists own; a zeroed list is allowed. */
void message_list_finish(struct message_list *list);
void dialog_list_finish(struct dialog_list *list);
void message_contacts_finish(struct message_contacts *contacts);
void change_list_finish(struct change_list *list);

/* The user with this tag. False when it is not a valid one. */
bool message_user_set(struct message_user *user, const char *tag);

/* The id of the conversation of two users, in either order of their keys. */
struct id message_conversation_id(const char *key, const char *other_key);

/* The id of a message with a client's id: the same for the same sender and client id. */
struct id message_id_from_client(const char *sender_key, const char *client_message_id);

#endif
