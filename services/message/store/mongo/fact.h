#ifndef MESSAGE_STORE_MONGO_FACT_H
#define MESSAGE_STORE_MONGO_FACT_H

#include "services/message/store/mongo/documents.h"

/*
 * An event from which changes and dialogs follow: a message was stored, messages were read, a
 * profile has a new revision.
 */
enum fact_kind { FACT_MESSAGE, FACT_READ, FACT_PROFILE };

struct fact {
    enum fact_kind kind;
    /* The sender and the receiver of a message; or the reader, and the sender of the messages read;
     * or the owner of the profile, and the user to notify: a contact or the owner. */
    struct message_user from, to;
    struct id message; /* of a message */
    uint64_t seq;      /* of a message */
    uint64_t
        settled_seq; /* of a message: all messages of its conversation up to this seq are settled */
    uint64_t count;  /* the sender's count with it; or the number of messages read */
    uint64_t revision; /* of a profile */
    int64_t date_ms;   /* of a message */
    bool withheld;     /* of a message: the receiver has no change, and its dialog stays */
    bool secret;       /* of a mark: the sender has no change */
    bool fresh; /* a message stored just now: not a repetition, even if another writer has inserted
                   its changes */
    uint64_t from_mod, to_mod; /* out: the users' sequences of this change; of a profile to_mod */
    bool repeated;             /* out: not fresh, and all its changes existed */
};

/* The fact of a stored message. False when the document is not one of ours, or was imported from
 * another store: nothing follows from it. */
bool fact_from_message(const bson_t *document, struct fact *fact_out);

/* Raises the numbers of a dialog, except `last_mod` and `mod`, to those of the fact. `by_owner`:
 * the dialog's owner is `from`, else `to`. */
void fact_raise(const struct fact *fact, bool by_owner, struct dialog_document *dialog);

#endif
