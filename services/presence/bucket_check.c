#include "services/presence/bucket_check.h"

void bucket_check_begin(struct bucket_check *check, const struct bus_kv_state *opened)
{
    *check = (struct bucket_check){ .before = *opened };
}

static const char *compare_looks(const struct bus_kv_state *before,
                                 const struct bus_kv_state *state,
                                 const struct presence_extent *replica, uint64_t seen)
{
    if (state->created_ns != before->created_ns)
        return "it was replaced";
    if (state->last < before->last)
        return "its server has lost it";
    /* What the look before this one showed has had the time to arrive. */
    if (seen < before->last)
        return "the watch has missed changes";
    if (replica->oldest < before->first)
        return "entries were purged";
    /* Entries are also removed one by one; while nothing changes, that shows in their number. */
    if (state->last == before->last && seen == state->last && state->count != replica->count)
        return "entries were removed";
    return NULL;
}

const char *bucket_check_look(struct bucket_check *check, enum status status,
                              const struct bus_kv_state *state,
                              const struct presence_extent *replica, uint64_t seen)
{
    if (status == STATUS_NOT_FOUND)
        return "it was deleted";
    if (status != STATUS_OK)
        return ++check->unanswered >= BUCKET_CHECK_UNANSWERED ? "it does not answer" : NULL;
    const char *why = compare_looks(&check->before, state, replica, seen);
    check->before = *state;
    check->unanswered = 0;
    return why;
}
