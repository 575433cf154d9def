#ifndef MESSAGE_STORE_MESSAGE_DATA_H
#define MESSAGE_STORE_MESSAGE_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/id.h"
#include "services/common/base/status.h"
#include "services/message/store/account_name.h"
#include "services/message/store/relation.h"

/* What a message store takes and returns; message_store.h explains the model. */

/* Of seq, and of a revision: what both engines can store. */
#define MESSAGE_SEQ_MAX ((uint64_t)INT64_MAX)

/* A user of a conversation: the name of the account, with the tag as typed at sign-up, and its key.
 * Every tag and every key of this file is one of an account (account_name.h). */
struct message_user {
    char tag[ACCOUNT_NAME_SIZE];
    char key[ACCOUNT_NAME_SIZE];
};

struct message {
    struct id id;
    char sender_tag[ACCOUNT_NAME_SIZE];
    char receiver_tag[ACCOUNT_NAME_SIZE];
    char *text;      /* UTF-8 */
    int64_t date_ms; /* never decreases within a conversation */
    uint64_t seq;
    uint64_t sender_count;
    bool is_read;
    bool is_withheld; /* from its receiver, who had blocked the sender */
};

/* Input and output of sending. */
struct message_send {
    /* in: borrowed until `done` */
    struct message_user sender, receiver;
    const char *text;
    const char *client_message_id; /* "" = none */
    int64_t now_ms;
    /* out */
    struct id id;
    int64_t date_ms;
    uint64_t seq;             /* as the sender counts */
    uint64_t receiver_seq;    /* as the receiver counts; undefined when withheld or repeated */
    bool withheld;            /* the receiver has blocked the sender, and never sees it */
    bool is_first;            /* of the sender's messages to the receiver */
    struct relation relation; /* of the sender to the receiver, with this message; without privacy.
                                 Undefined when repeated, as is_first. */
    bool repeated; /* it had been stored before; the other out fields are those of then, is_read is
                      current */
    bool is_read;
    uint64_t sender_user_seq, receiver_user_seq; /* 0 when repeated */
    /*
     * Called once, on a thread of the store, in the order of the sequence numbers of this process.
     * STATUS_OK: stored durably. STATUS_CONFLICT: the client's id was used before for another
     * receiver or text. STATUS_FORBIDDEN: the sender has blocked the receiver. Must not block for
     * long.
     */
    void (*done)(struct message_send *send, enum status status);
};

/* Marks what the sender has sent to the reader as read. What is read stays read. */
struct message_mark {
    struct message_user reader, sender; /* in; keys only */
    uint64_t up_to_seq;                 /* in: messages up to this seq; 0: all */
    bool consent;                       /* in: relation.h */
    uint64_t newly_read;                /* out: 0 when there was nothing to mark, or no dialog */
    bool has_dialog;
    char sender_tag[ACCOUNT_NAME_SIZE],
        reader_tag[ACCOUNT_NAME_SIZE]; /* out, as typed, if there is a dialog */
    /* 0 when nothing changed; the sender's also when the sender may not see the mark. */
    uint64_t reader_user_seq, sender_user_seq;
    void (*done)(struct message_mark *mark, enum status status);
};

struct dialog {
    struct message last;
    char peer_tag[ACCOUNT_NAME_SIZE];
    struct id conversation;
    uint64_t unread_incoming, unread_outgoing;
    struct relation relation; /* of the owner to the peer */
};

struct message_list {
    struct message *items;
    size_t count;
};

struct dialog_list {
    struct dialog *items;
    size_t count;
};

struct message_contact {
    char key[ACCOUNT_NAME_SIZE], tag[ACCOUNT_NAME_SIZE];
    struct relation relation; /* of the owner to this user */
};

struct message_contacts {
    struct message_contact *items;
    size_t count;
};

/* --- relations --- */

/* The owner decides about the peer. */
struct relation_change {
    struct message_user owner, peer; /* in */
    enum relation_action action;     /* in */
    int64_t now_ms;                  /* in */
    bool changed;                    /* out: there was something to change */
};

enum { RELATIONS_MAX = 10000 }; /* of an owner; more are refused with STATUS_FORBIDDEN */

struct blocked_user {
    char tag[ACCOUNT_NAME_SIZE];
    int64_t since_ms;
};

/* Owned by the caller; free `items` with free. */
struct blocked_list {
    struct blocked_user *items;
    size_t count;
};

/* What a user has decided about another one, as stored: for a copy. */
struct relation_record {
    struct message_user owner, peer;
    enum relation_state state;
    int64_t since_ms;
};

/* Owned by the caller; free `items` with free. */
struct relation_record_list {
    struct relation_record *items;
    size_t count;
};

/* What a user shows, if it is not everything: for a copy. */
struct privacy_record {
    struct message_user user;
    struct privacy privacy;
};

/* Owned by the caller; free `items` with free. */
struct privacy_record_list {
    struct privacy_record *items;
    size_t count;
};

/* What is left of an account that is gone, and how far it is erased. Zeroed but for the first two.
 */
struct message_erasure {
    struct message_user user; /* in */
    bool texts;               /* in: of its messages, too */
    uint64_t erased;          /* out: how many texts, so far */
    bool is_over;             /* out: nothing is left */
    /* The engine's, from one call to the next: */
    bool begun;
    struct id after_id;
    char after_peer[ACCOUNT_NAME_SIZE];
    uint64_t after_seq;
};

/* What a store erases because it is old, and how far it is. Zeroed but for the first one. */
struct message_expiry {
    int64_t before_ms; /* in: texts of messages from before that time */
    uint64_t erased;   /* out: how many texts, so far */
    bool is_over;      /* out: nothing is left */
    /* The engine's, from one call to the next: */
    bool begun;
    int64_t after_row;
    struct id after_id;
};

/* Bytes of texts that a user has stored. */
struct message_usage {
    char key[ACCOUNT_NAME_SIZE]; /* in */
    int64_t added;               /* in */
    int64_t total;               /* out: with these */
};

/* The kinds of changes that concern a user. */
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
    char peer_tag[ACCOUNT_NAME_SIZE];
    bool is_request; /* of a new message: relation.h; set by the service, not by the store */
};

/* A range of changes: those after `since`, at most `max`, which is at least 1 (asserted). */
struct change_range {
    uint64_t since;
    size_t max;
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
    bool reset; /* the changes after `since` are unknown: nothing is listed, `position` is the
                   newest */
};

/* A new state of a user's profile, of which the user and all contacts must be notified. */
struct message_profile {
    struct message_user user; /* in */
    bool consent;             /* in: relation.h; only contacts are notified */
    bool is_deleted;          /* in: everybody with a dialog is notified, whatever they may see */
    uint64_t revision;        /* in: 1 or more, increases with each change of this user's profile */
    uint64_t noted;           /* out: the newest that is noted, now or before */
    /* out: the users to notify, including this one; the caller frees `notified` with free. */
    struct profile_notice {
        char key[ACCOUNT_NAME_SIZE];
        uint64_t user_seq;
    } * notified;
    size_t notified_count;
};

enum { EPOCH_SIZE = 17 }; /* 16 hex digits */

/* One owner's dialog with all its numbers, as stored: for a copy. */
struct dialog_record {
    struct message_user owner, peer;
    uint64_t last_seq;
    uint64_t in_count, out_count; /* sent to the owner, and by the owner */
    uint64_t in_read, out_read;   /* of these, how many are read */
    uint64_t secret_read;         /* in_read when the peer must not see all of it, else 0 */
    int64_t last_date_ms;
    uint64_t last_mod;              /* the owner's user sequence at the last message */
    uint64_t mod;                   /* and at the last change */
    uint64_t user_seq;              /* the owner's newest user sequence, of any dialog */
    char owner_account[ID_HEX + 1]; /* the id of the owner's account, "" if it was never claimed */
    bool owner_superseded;          /* another account has its tag */
};

/* Owned by the caller; free `items` with free. */
struct dialog_record_list {
    struct dialog_record *items;
    size_t count;
};

struct message_store_counts {
    uint64_t dialogs, messages;
    uint64_t changes; /* commits, of a SQLite store; 0 on MongoDB */
};

/* A part of a conversation: entries [start, end), counted backwards from the message `newest_seq`,
 * or from the newest one when that is 0. */
struct message_range {
    uint32_t start, end;
    uint64_t newest_seq;
    size_t max_bytes; /* of the texts: an engine may stop once they are more; 0: all entries */
    bool is_raw;      /* as stored, also what is withheld from the owner, with the seq of the store:
                         for a copy */
};

/* Free what the lists own; a zeroed list is allowed. */
void message_list_finish(struct message_list *list);
void dialog_list_finish(struct dialog_list *list);
void message_contacts_finish(struct message_contacts *contacts);
/* By key. */
void message_contacts_sort(struct message_contacts *contacts);

void blocked_list_finish(struct blocked_list *list);
void change_list_finish(struct change_list *list);

/* Sets the user with this name. False when the name is invalid. */
bool message_user_set(struct message_user *user, const char *name);

/* Makes the user of a tag's first account that of a later one. */
void message_user_set_later(struct message_user *user, const char *account_id);

/* Whether two texts of a message are the same, or one of them was erased. */
bool message_text_agrees(const char *one, const char *other);

/* The id of the conversation of two users, in either order of their keys. */
struct id message_conversation_id(const char *key, const char *other_key);

/* The id of a message with a client's id: the same for the same sender and client id. */
struct id message_id_from_client(const char *sender_key, const char *client_message_id);

#endif
