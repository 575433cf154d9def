#include "gateway/push/feed.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"

static void drop_first(struct feed *feed, size_t count)
{
    for (size_t i = 0; i < count; i++)
        wire_free(feed->held[i]);
    feed->held_count -= count;
    if (feed->held_count == 0) {
        free(feed->held);
        feed->held = NULL;
    } else if (count > 0) {
        memmove(feed->held, feed->held + count, feed->held_count * sizeof(*feed->held));
    }
}

static void advance(struct feed *feed, uint64_t position)
{
    if (position - feed->position >= FEED_LONG_STEP) {
        feed->step_from = feed->position;
        feed->step_to = position;
    }
    feed->position = position;
}

/* Pushes the held notifications that follow the position without a hole, while there is space;
 * drops those that were pushed before. */
static void release_held(struct feed *feed, const struct feed_outlet *outlet)
{
    size_t n = 0;

    for (; n < feed->held_count && feed->held[n]->user_seq <= feed->position + 1; n++) {
        if (feed->held[n]->user_seq <= feed->position)
            continue;
        if (!outlet->has_space(outlet->ctx))
            break;
        outlet->push(outlet->ctx, feed->held[n]);
        feed->position = feed->held[n]->user_seq;
    }
    drop_first(feed, n);
}

static void hold_back(struct feed *feed, Messenger__Notification *notification)
{
    size_t at = feed->held_count;

    while (at > 0 && feed->held[at - 1]->user_seq > notification->user_seq)
        at--;
    bool twice = at > 0 && feed->held[at - 1]->user_seq == notification->user_seq;
    if (twice || at == FEED_HELD_MAX) {
        wire_free(notification); /* too many: dropped, and fetched from the store later */
        return;
    }
    if (feed->held == NULL)
        feed->held = xcalloc(FEED_HELD_MAX, sizeof(Messenger__Notification *));
    if (feed->held_count == FEED_HELD_MAX)
        wire_free(feed->held[--feed->held_count]);
    memmove(feed->held + at + 1, feed->held + at, (feed->held_count - at) * sizeof(*feed->held));
    feed->held[at] = notification;
    feed->held_count++;
}

void feed_take(struct feed *feed, Messenger__Notification *notification_take,
               const struct feed_outlet *outlet)
{
    uint64_t user_seq = notification_take->user_seq;

    if (user_seq == 0) {
        outlet->push(outlet->ctx, notification_take);
        wire_free(notification_take);
        return;
    }
    if (user_seq > feed->newest)
        feed->newest = user_seq;
    if (feed->known && user_seq == feed->position + 1 && outlet->has_space(outlet->ctx)) {
        outlet->push(outlet->ctx, notification_take);
        feed->position = user_seq;
        wire_free(notification_take);
        release_held(feed, outlet);
    } else if (feed->known && user_seq <= feed->position) {
        if (user_seq > feed->step_from && user_seq < feed->step_to)
            feed->suspect = user_seq;
        wire_free(notification_take);
    } else {
        hold_back(feed, notification_take);
    }
}

void feed_note_asked(struct feed *feed)
{
    feed->asked = feed->position;
}

void feed_note_newest(struct feed *feed, uint64_t newest, const struct feed_outlet *outlet)
{
    if (newest > feed->newest)
        feed->newest = newest;
    if (feed->known) {
        feed->doubtful = newest < feed->asked;
        return;
    }
    feed->known = true;
    for (size_t i = 0; i < feed->held_count && feed->held[i]->user_seq <= newest; i++)
        outlet->push(outlet->ctx, feed->held[i]);
    feed->position = newest;
    release_held(feed, outlet);
}

bool feed_has_hole(const struct feed *feed)
{
    return feed->known && feed->newest > feed->position;
}

bool feed_needs_pull(const struct feed *feed)
{
    return feed_has_hole(feed) || (feed->known && (feed->doubtful || feed->suspect != 0));
}

uint64_t feed_pulls_after(const struct feed *feed)
{
    return feed->suspect != 0 ? feed->suspect : feed->position;
}

bool feed_fill(struct feed *feed, Messenger__Notification *const *changes, size_t count,
               uint64_t complete_to, const struct feed_outlet *outlet)
{
    feed->doubtful = false;
    feed->suspect = 0;
    if (complete_to > feed->newest)
        feed->newest = complete_to;
    for (size_t i = 0; i < count; i++) {
        const Messenger__Notification *change = changes[i];
        if (change->user_seq <= feed->position)
            continue;
        if (!outlet->has_space(outlet->ctx))
            return false;
        for (size_t j = 0; j < feed->held_count; j++)
            if (feed->held[j]->user_seq == change->user_seq)
                change = feed->held[j];
        outlet->push(outlet->ctx, change);
        advance(feed, change->user_seq);
    }
    if (complete_to > feed->position)
        advance(feed, complete_to);
    release_held(feed, outlet);
    return true;
}

void feed_skip_hole(struct feed *feed, const struct feed_outlet *outlet)
{
    feed->position = feed->held_count > 0 ? feed->held[0]->user_seq - 1 : feed->newest;
    release_held(feed, outlet);
}

void feed_forget(struct feed *feed)
{
    drop_first(feed, feed->held_count);
    *feed = (struct feed){ .known = false };
}
