#define _GNU_SOURCE /* pthread_setname_np */
#include "services/common/bus/bus_sender.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "services/common/bus/bus_library.h"
#include "services/common/bus/bus_loop.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"

enum {
    TURNS_MOST = 16,         /* so often a thread sends what has gathered, then another must */
    HELD_BYTES_MOST = 65536, /* what a thread that holds lets gather */
    GATHER_BYTES = 262144,   /* are published, then they go to the socket */
};

struct entry {
    natsMsg *message;
    uint64_t request;
};

struct entries {
    struct entry *items;
    size_t count, room, bytes;
};

struct bus_sender {
    struct bus_replies *replies;
    struct bus_loop *loop;
    natsConnection *nats;

    pthread_mutex_t lock;       /* guards what follows */
    pthread_cond_t relief_cond; /* the thread below is to send */
    pthread_cond_t room_cond;   /* something has been taken to be sent, or nobody sends */
    struct entries waiting;
    /* The sending thread's, while `sending`: */
    struct entries taken;
    bool sending;
    bool relief; /* by the thread below, and nobody else */
    bool stopping;
    size_t room_waiters;
    pthread_t thread;
};

/* The sender that this thread holds, if any: one process has one bus. */
static _Thread_local struct bus_sender *held;

/* --- sending ------------------------------------------------------------------------------- */

/* It has been sent, or cannot be. */
static void end_one(struct bus_sender *sender, const struct entry *entry, natsStatus s)
{
    if (s != NATS_OK && entry->request != 0)
        bus_replies_break(sender->replies, entry->request);
    else if (s != NATS_OK)
        log_warn("cannot publish %s: %s", natsMsg_GetSubject(entry->message),
                 natsStatus_GetText(s));
    bus_library_free_message(entry->message);
}

/* What the thread that reads brings, and the server does not take, gathers in the connection. */
static natsStatus send_one(struct bus_sender *sender, const struct entry *entry)
{
    if (bus_loop_reads_here(sender->loop) &&
        natsConnection_Buffered(sender->nats) >= SENDER_BYTES_MOST)
        return NATS_INSUFFICIENT_BUFFER;
    return bus_loop_publish(sender->loop, sender->nats, entry->message);
}

static void send_taken(struct bus_sender *sender)
{
    struct entries *taken = &sender->taken;
    size_t unsent = 0;

    for (size_t i = 0; i < taken->count; i++) {
        unsent += (size_t)natsMsg_GetDataLength(taken->items[i].message);
        end_one(sender, &taken->items[i], send_one(sender, &taken->items[i]));
        if (unsent > GATHER_BYTES) {
            bus_loop_flush(sender->loop);
            unsent = 0;
        }
    }
    taken->count = taken->bytes = 0;
    bus_loop_flush(sender->loop);
}

/* With the lock held; leaves it meanwhile. `turns`: how often at most, 0 = until nothing waits. */
static void send_waiting_locked(struct bus_sender *sender, int turns)
{
    sender->sending = true;
    for (int turn = 0; sender->waiting.count > 0 && (turns == 0 || turn < turns); turn++) {
        struct entries empty = sender->taken;
        sender->taken = sender->waiting;
        sender->waiting = empty;
        if (sender->room_waiters > 0)
            pthread_cond_broadcast(&sender->room_cond);
        pthread_mutex_unlock(&sender->lock);
        send_taken(sender);
        pthread_mutex_lock(&sender->lock);
    }
    sender->relief = sender->waiting.count > 0;
    if (sender->relief)
        pthread_cond_signal(&sender->relief_cond);
    else
        sender->sending = false;
    if (!sender->sending && sender->room_waiters > 0)
        pthread_cond_broadcast(&sender->room_cond);
}

/* Goes on for a thread that has sent for others long enough. */
static void *run(void *arg)
{
    struct bus_sender *sender = arg;

    pthread_setname_np(pthread_self(), "bus-sender");
    pthread_mutex_lock(&sender->lock);
    for (;;) {
        while (!sender->relief && !sender->stopping)
            pthread_cond_wait(&sender->relief_cond, &sender->lock);
        if (!sender->relief)
            break;
        send_waiting_locked(sender, 0);
    }
    pthread_mutex_unlock(&sender->lock);
    return NULL;
}

/* --- from any thread ----------------------------------------------------------------------- */

static void append_locked(struct bus_sender *sender, const struct entry *entry)
{
    struct entries *waiting = &sender->waiting;

    if (waiting->count == waiting->room) {
        waiting->room = waiting->room == 0 ? 64 : 2 * waiting->room;
        waiting->items = xrealloc(waiting->items, waiting->room * sizeof(*waiting->items));
    }
    waiting->items[waiting->count++] = *entry;
    waiting->bytes += (size_t)natsMsg_GetDataLength(entry->message);
}

/* False when the thread must not wait, for it is the one that reads. */
static bool wait_for_room_locked(struct bus_sender *sender)
{
    bool may_wait = !bus_loop_reads_here(sender->loop);

    sender->room_waiters++;
    while (may_wait && sender->sending && sender->waiting.bytes >= SENDER_BYTES_MOST)
        pthread_cond_wait(&sender->room_cond, &sender->lock);
    sender->room_waiters--;
    return !sender->sending || sender->waiting.bytes < SENDER_BYTES_MOST;
}

void bus_sender_send(struct bus_sender *sender, natsMsg *message_take, uint64_t request)
{
    struct entry entry = { message_take, request };

    pthread_mutex_lock(&sender->lock);
    bool has_room = wait_for_room_locked(sender);
    if (has_room)
        append_locked(sender, &entry);
    if (has_room && !sender->sending &&
        (held != sender || sender->waiting.bytes >= HELD_BYTES_MOST))
        send_waiting_locked(sender, TURNS_MOST);
    pthread_mutex_unlock(&sender->lock);
    if (!has_room)
        end_one(sender, &entry, NATS_INSUFFICIENT_BUFFER);
}

bool bus_sender_hold(struct bus_sender *sender)
{
    bool begins = held != sender;

    held = sender;
    return begins;
}

void bus_sender_release(struct bus_sender *sender)
{
    held = NULL;
    pthread_mutex_lock(&sender->lock);
    if (!sender->sending)
        send_waiting_locked(sender, TURNS_MOST);
    pthread_mutex_unlock(&sender->lock);
}

void bus_sender_settle(struct bus_sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    if (!sender->sending)
        send_waiting_locked(sender, TURNS_MOST);
    sender->room_waiters++;
    while (sender->sending)
        pthread_cond_wait(&sender->room_cond, &sender->lock);
    sender->room_waiters--;
    pthread_mutex_unlock(&sender->lock);
}

/* --- life ---------------------------------------------------------------------------------- */

void bus_sender_set_connection(struct bus_sender *sender, natsConnection *nats)
{
    pthread_mutex_lock(&sender->lock);
    if (sender->nats == NULL)
        sender->nats = nats;
    pthread_mutex_unlock(&sender->lock);
}

struct bus_sender *bus_sender_create(struct bus_replies *replies, struct bus_loop *loop)
{
    struct bus_sender *sender = xcalloc(1, sizeof(*sender));

    sender->replies = replies;
    sender->loop = loop;
    pthread_mutex_init(&sender->lock, NULL);
    pthread_cond_init(&sender->relief_cond, NULL);
    pthread_cond_init(&sender->room_cond, NULL);
    if (pthread_create(&sender->thread, NULL, run, sender) != 0) {
        log_error("cannot start a thread");
        abort();
    }
    return sender;
}

static void drop(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        bus_library_free_message(entries->items[i].message);
    free(entries->items);
}

void bus_sender_destroy(struct bus_sender **sender)
{
    struct bus_sender *s = *sender;

    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->relief_cond);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    drop(&s->waiting);
    drop(&s->taken);
    pthread_cond_destroy(&s->room_cond);
    pthread_cond_destroy(&s->relief_cond);
    pthread_mutex_destroy(&s->lock);
    free(s);
    *sender = NULL;
}
