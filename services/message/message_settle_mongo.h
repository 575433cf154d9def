#ifndef MESSAGE_SETTLE_MONGO_H
#define MESSAGE_SETTLE_MONGO_H

#include "services/message/message_documents_mongo.h"

/*
 * Makes everything that follows from a stored message, or from a mark, true: the changes of both
 * users, their dialogs. It may be done again, by several at once, and after a crash at any point:
 * the second time nothing happens.
 */
enum fact_kind { FACT_MESSAGE, FACT_READ, FACT_PROFILE };

struct fact {
    enum fact_kind kind;
    /* The sender and the receiver of a message; or who has read, and whose messages; or whose
     * profile it is, and who takes notice: a contact or the same user. */
    struct message_user from, to;
    struct id message;         /* of a message */
    uint64_t seq;              /* of a message */
    uint64_t count;            /* how many the sender had sent with it; or how many are read */
    uint64_t revision;         /* of a profile */
    int64_t date_ms;           /* of a message */
    uint64_t from_mod, to_mod; /* out: the users' sequences of this change; of a profile to_mod */
    bool repeated;             /* out: all of it had been made before */
};

/* What is more likely; it decides what is tried first, not what comes out. */
enum settle_mode { SETTLE_NEW, SETTLE_AGAIN };

/*
 * In the order of the facts: so do each user's sequences rise. A mark becomes a fact by the first
 * thing that is done here, the insertion of the reader's change.
 */
enum status settle(struct mongo_db *db, struct fact *facts, size_t count,
                   enum settle_mode mode) MUST_CHECK;

/* Makes the dialogs true for those of the changes that are stored already, and makes no change: the
 * writer, who is about to, takes one that it finds for a repetition, of which it tells nobody. */
enum status settle_dialogs(struct mongo_db *db, struct fact *facts, size_t count) MUST_CHECK;

/* The newest change of an owner, 0 when there is none. */
enum status settle_position(struct mongo_db *db, const char *owner_key,
                            uint64_t *mod_out) MUST_CHECK;

/* Raises the numbers of a dialog to what the fact says of them, but for `last_mod` and `mod`. The
 * owner is who the fact comes from, or goes to. */
void fact_raise(const struct fact *fact, bool by_owner, struct dialog_document *dialog);

/* Tests only: called after each step that leaves something behind, with its name. */
extern void (*settle_step_for_test)(const char *step);
void settle_note_step(const char *step);

#endif
