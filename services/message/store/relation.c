#include "services/message/store/relation.h"

enum status relation_apply(enum relation_state before, enum relation_action action,
                           enum relation_state *state_out)
{
    *state_out = before;
    switch (action) {
    case RELATION_ADD:
        if (before == RELATION_BLOCKED)
            return STATUS_FORBIDDEN;
        *state_out = RELATION_ADDED;
        break;
    case RELATION_REMOVE:
        if (before == RELATION_ADDED)
            *state_out = RELATION_NONE;
        break;
    case RELATION_BLOCK:
        *state_out = RELATION_BLOCKED;
        break;
    case RELATION_UNBLOCK:
        if (before == RELATION_BLOCKED)
            *state_out = RELATION_NONE;
        break;
    }
    return STATUS_OK;
}

struct relation relation_mirror(const struct relation *relation)
{
    return (struct relation){
        .mine = relation->theirs,
        .theirs = relation->mine,
        .i_wrote = relation->they_wrote,
        .they_wrote = relation->i_wrote,
        .my_privacy = relation->their_privacy,
        .their_privacy = relation->my_privacy,
    };
}

bool relation_is_blocked(const struct relation *relation)
{
    return relation->mine == RELATION_BLOCKED || relation->theirs == RELATION_BLOCKED;
}

/* One who has added the other lets them see what contacts see. */
static bool is_contact(const struct relation *relation, enum relation_state granted)
{
    return (relation->i_wrote && relation->they_wrote) || granted == RELATION_ADDED;
}

static bool is_in_audience(const struct relation *relation, enum audience audience,
                           enum relation_state granted, bool consent)
{
    if (relation_is_blocked(relation) || audience == AUDIENCE_NOBODY)
        return false;
    return (audience == AUDIENCE_EVERYONE && !consent) || is_contact(relation, granted);
}

bool relation_i_see_them(const struct relation *relation, bool consent)
{
    return is_in_audience(relation, relation->their_privacy.online, relation->theirs, consent);
}

bool relation_they_see_me(const struct relation *relation, bool consent)
{
    return is_in_audience(relation, relation->my_privacy.online, relation->mine, consent);
}

bool relation_they_follow_me(const struct relation *relation, bool consent)
{
    return is_in_audience(relation, AUDIENCE_EVERYONE, relation->mine, consent);
}

bool relation_they_see_my_marks(const struct relation *relation, bool consent)
{
    return is_in_audience(relation, relation->my_privacy.read_marks, relation->mine, consent);
}

bool relation_is_request(const struct relation *relation, bool consent)
{
    return consent && relation->they_wrote && !relation->i_wrote && relation->mine == RELATION_NONE;
}
