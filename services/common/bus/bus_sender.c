#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/common/bus/bus_sender.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "services/common/base/array.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/bus/bus_library.h"

enum {
    TURNS_MAX = 16,         /* so often a thread sends what has gathered, then another must */
    HELD_BYTES_MAX = 65536, /* what a thread that holds lets gather */
    GATHER_BYTES = 262144,  /* are published, then they go to the socket */
};

struct entry {
    natsMsg *message;
    uint64_t request;
};

struct entries {
    struct entry *items;
    size_t count, capacity, bytes;
};

struct bus_sender {
    struct bus_loop *loop;
    bus_sender_unsent *on_unsent;
    void *ctx;
    natsConnection *nats;

    pthread_mutex_t lock;       /* guards what follows */
    pthread_cond_t relief_cond; /* the thread below is to send */
    pthread_cond_t space_cond;  /* pending messages have been taken, or no thread is sending */
    struct entries waiting;
    /* The sending thread's, while `sending`: */
    struct entries taken;
    bool sending;
    bool relief; /* only the thread below may send */
    bool stopping;
    size_t space_waiters;
    pthread_t thread;
};

/* The sender that this thread holds, if any: one process has one bus. */
static _Thread_local struct bus_sender *held;

/* --- sending ------------------------------------------------------------------------------- */

/* It has been sent, or cannot be. */
static void end_one(struct bus_sender *sender, const struct entry *entry, natsStatus s)
{
    if (s != NATS_OK && entry->request != 0)
        sender->on_unsent(sender->ctx, entry->request);
    else if (s != NATS_OK)
        log_warn("cannot publish %s: %s", natsMsg_GetSubject(entry->message),
                 natsStatus_GetText(s));
    bus_library_free_message(entry->message);
}

/* Messages of the thread that reads accumulate in the connection while the server does not accept
 * them. */
static natsStatus send_one(struct bus_sender *sender, const struct entry *entry)
{
    if (bus_loop_reads_here(sender->loop) &&
        natsConnection_Buffered(sender->nats) >= BUS_SENDER_BYTES_MAX)
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
        if (sender->space_waiters > 0)
            pthread_cond_broadcast(&sender->space_cond);
        pthread_mutex_unlock(&sender->lock);
        send_taken(sender);
        pthread_mutex_lock(&sender->lock);
    }
    sender->relief = sender->waiting.count > 0;
    if (sender->relief)
        pthread_cond_signal(&sender->relief_cond);
    else
        sender->sending = false;
    if (!sender->sending && sender->space_waiters > 0)
        pthread_cond_broadcast(&sender->space_cond);
}

/* Relieves a thread that has sent the messages of others for TURNS_MAX turns. */
static void run_sender(void *arg)
{
    struct bus_sender *sender = arg;

    pthread_mutex_lock(&sender->lock);
    for (;;) {
        while (!sender->relief && !sender->stopping)
            pthread_cond_wait(&sender->relief_cond, &sender->lock);
        if (!sender->relief)
            break;
        send_waiting_locked(sender, 0);
    }
    pthread_mutex_unlock(&sender->lock);
}

/* --- from any thread ----------------------------------------------------------------------- */

static void append_locked(struct bus_sender *sender, const struct entry *entry)
{
    struct entries *waiting = &sender->waiting;

    waiting->items =
        array_reserve(waiting->items, waiting->count, &waiting->capacity, sizeof(*waiting->items));
    waiting->items[waiting->count++] = *entry;
    waiting->bytes += (size_t)natsMsg_GetDataLength(entry->message);
}

/* For space, or until the sending is over; looks again now and then. */
static void wait_for_sending_locked(struct bus_sender *sender)
{
    struct timespec until = clock_after_ms(BUS_LOOP_LOOK_MS);

    pthread_cond_clockwait(&sender->space_cond, &sender->lock, CLOCK_MONOTONIC, &until);
}

/* False when the thread must not wait, for it is the one that reads, or the bus is to end. */
static bool wait_for_space_locked(struct bus_sender *sender)
{
    bool may_wait = !bus_loop_reads_here(sender->loop);

    sender->space_waiters++;
    while (may_wait && sender->sending && sender->waiting.bytes >= BUS_SENDER_BYTES_MAX &&
           !bus_loop_is_over(sender->loop))
        wait_for_sending_locked(sender);
    sender->space_waiters--;
    return !sender->sending || sender->waiting.bytes < BUS_SENDER_BYTES_MAX;
}

void bus_sender_send(struct bus_sender *sender, natsMsg *message_take, uint64_t request)
{
    struct entry entry = { message_take, request };

    pthread_mutex_lock(&sender->lock);
    bool has_space = wait_for_space_locked(sender);
    if (has_space)
        append_locked(sender, &entry);
    if (has_space && !sender->sending &&
        (held != sender || sender->waiting.bytes >= HELD_BYTES_MAX))
        send_waiting_locked(sender, TURNS_MAX);
    pthread_mutex_unlock(&sender->lock);
    if (!has_space)
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
        send_waiting_locked(sender, TURNS_MAX);
    pthread_mutex_unlock(&sender->lock);
}

void bus_sender_settle(struct bus_sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    if (!sender->sending)
        send_waiting_locked(sender, TURNS_MAX);
    sender->space_waiters++;
    while (sender->sending && !bus_loop_is_over(sender->loop))
        wait_for_sending_locked(sender);
    sender->space_waiters--;
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

struct bus_sender *bus_sender_create(struct bus_loop *loop, bus_sender_unsent *on_unsent, void *ctx)
{
    struct bus_sender *sender = xcalloc(1, sizeof(*sender));

    sender->loop = loop;
    sender->on_unsent = on_unsent;
    sender->ctx = ctx;
    pthread_mutex_init(&sender->lock, NULL);
    pthread_cond_init(&sender->relief_cond, NULL);
    pthread_cond_init(&sender->space_cond, NULL);
    sender->thread = thread_start("bus-sender", run_sender, sender);
    return sender;
}

static void drop_entries(struct entries *entries)
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
    drop_entries(&s->waiting);
    drop_entries(&s->taken);
    pthread_cond_destroy(&s->space_cond);
    pthread_cond_destroy(&s->relief_cond);
    pthread_mutex_destroy(&s->lock);
    free(s);
    *sender = NULL;
}
