#ifndef MESSAGE_STORE_RELATION_H
#define MESSAGE_STORE_RELATION_H

#include <stdbool.h>

#include "services/common/base/status.h"

/*
 * What two users may see of each other: the rules, in one place. docs/architecture.md, "Contacts
 * and consent", explains them. Two users are contacts when both have written, or as far as one has
 * added the other. Nothing here blocks or allocates.
 */

/* What a user has decided about another one. The values are stored. */
enum relation_state { RELATION_NONE = 0, RELATION_ADDED = 1, RELATION_BLOCKED = 2 };

enum relation_action {
    RELATION_ADD,    /* STATUS_FORBIDDEN when it is blocked */
    RELATION_REMOVE, /* if it is added */
    RELATION_BLOCK,
    RELATION_UNBLOCK, /* if it is blocked */
};

/* The state that follows from a decision. STATUS_FORBIDDEN: to add a user, unblock it first. */
enum status relation_apply(enum relation_state before, enum relation_action action,
                           enum relation_state *state_out) MUST_CHECK;

/* Whom a user lets see something. The values are stored. */
enum audience { AUDIENCE_EVERYONE = 0, AUDIENCE_CONTACTS = 1, AUDIENCE_NOBODY = 2 };

struct privacy {
    enum audience online;     /* presence */
    enum audience read_marks; /* that messages were read */
};

/* Two users, as one of them sees it. */
struct relation {
    enum relation_state mine, theirs;
    bool i_wrote, they_wrote;
    struct privacy my_privacy, their_privacy;
};

/* The same two, as the other one sees it. */
struct relation relation_mirror(const struct relation *relation);

/* One of the two has blocked the other: neither sees presence, profile or read marks. */
bool relation_is_blocked(const struct relation *relation);

/* `consent`, here and below: the setting contacts.consent. Without it, AUDIENCE_EVERYONE is
 * everyone; with it, everyone is all contacts. */
bool relation_i_see_them(const struct relation *relation, bool consent);
bool relation_they_see_me(const struct relation *relation, bool consent);

/* The other user is notified of changes of my profile. */
bool relation_they_follow_me(const struct relation *relation, bool consent);

/* The other user sees that I have read a message. */
bool relation_they_see_my_marks(const struct relation *relation, bool consent);

/* The other user is a stranger who has written, and whom I have not answered, added or blocked. */
bool relation_is_request(const struct relation *relation, bool consent);

#endif
