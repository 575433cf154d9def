#ifndef MESSAGE_STORE_MONGO_FACT_H
#define MESSAGE_STORE_MONGO_FACT_H

#include "services/message/store/mongo/documents.h"

/*
 * What happened, from which changes and dialogs follow: a message was stored, a user has read, a
 * profile has another revision.
 */
enum fact_kind { FACT_MESSAGE, FACT_READ, FACT_PROFILE };

struct fact {
    enum fact_kind kind;
    /* The sender and the receiver of a message; or who has read, and whose messages; or whose
     * profile it is, and who takes notice: a contact or the same user. */
    struct message_user from, to;
    struct id message;         /* of a message */
    uint64_t seq;              /* of a message */
    uint64_t settled_seq;      /* of a message: its conversation's are known to be settled so far */
    uint64_t count;            /* how many the sender had sent with it; or how many are read */
    uint64_t revision;         /* of a profile */
    int64_t date_ms;           /* of a message */
    bool fresh;                /* a message that was stored just now: no repetition, even if
                                  another has made its changes meanwhile */
    uint64_t from_mod, to_mod; /* out: the users' sequences of this change; of a profile to_mod */
    bool repeated;             /* out: not fresh, and all of it had been made before */
};

/* The fact that a stored message is. False when the document is none that we wrote, or was imported
 * from another store: nothing follows from it. */
bool fact_from_message(const bson_t *document, struct fact *fact_out);

/* Raises the numbers of a dialog to what the fact says of them, but for `last_mod` and `mod`. The
 * owner is who the fact comes from, or goes to. */
void fact_raise(const struct fact *fact, bool by_owner, struct dialog_document *dialog);

#endif
