/*
 * How the conformance suites of the message store talk to a store: calls that wait for their
 * outcome, and a check that everything stored about a user agrees with the messages themselves.
 */
#ifndef TESTS_UNIT_MESSAGE_STORE_MESSAGE_STORE_CLIENT_H
#define TESTS_UNIT_MESSAGE_STORE_MESSAGE_STORE_CLIENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/message/store/message_store.h"
#include "tests/unit/store_urls.h"
#include "tests/unit/unit.h"

enum { MANY = 100000 };

struct fixture {
    char url[STORE_URL_SIZE];
    struct message_store *store;
};

static inline int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    *state = f;
    store_url_new(f->url);
    return message_store_open(f->url, &f->store) == STATUS_OK ? 0 : -1;
}

/* Without opening it: so that processes may be the first. */
static inline int set_up_closed(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    *state = f;
    store_url_new(f->url);
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    message_store_close(&f->store);
    free(f);
    return 0;
}

static inline void reopen(struct fixture *f)
{
    message_store_close(&f->store);
    assert_null(f->store);
    assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
}

/* --- sending and marking, and waiting for the outcome -------------------------------------- */

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool over;
    enum status status;
};

struct waited_send {
    struct message_send head;
    struct waiter waiter;
};

struct waited_mark {
    struct message_mark head;
    struct waiter waiter;
};

static inline void wake(struct waiter *waiter, enum status status)
{
    pthread_mutex_lock(&waiter->lock);
    waiter->over = true;
    waiter->status = status;
    pthread_cond_signal(&waiter->cond);
    pthread_mutex_unlock(&waiter->lock);
}

static inline enum status wait_for(struct waiter *waiter)
{
    pthread_mutex_lock(&waiter->lock);
    while (!waiter->over)
        pthread_cond_wait(&waiter->cond, &waiter->lock);
    pthread_mutex_unlock(&waiter->lock);
    return waiter->status;
}

static inline void send_is_done(struct message_send *send, enum status status)
{
    wake(&((struct waited_send *)send)->waiter, status);
}

static inline void mark_is_done(struct message_mark *mark, enum status status)
{
    wake(&((struct waited_mark *)mark)->waiter, status);
}

static inline struct message_user user_of(const char *tag)
{
    struct message_user user = { .tag = "" };
    snprintf(user.tag, sizeof(user.tag), "%s", tag);
    account_name_to_key(tag, user.key);
    return user;
}

static inline struct message_send letter(const char *from, const char *to, const char *text)
{
    return (struct message_send){ .sender = user_of(from),
                                  .receiver = user_of(to),
                                  .text = text,
                                  .client_message_id = "",
                                  .now_ms = 1600000000000 };
}

/* No cmocka in here: it is also called by threads and children. */
static inline enum status send_and_wait(struct message_store *store, struct message_send *send)
{
    struct waited_send waited = { .head = *send,
                                  .waiter = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
                                              false, STATUS_INTERNAL } };
    waited.head.done = send_is_done;
    enum status status = message_store_send(store, &waited.head);
    if (status == STATUS_OK)
        status = wait_for(&waited.waiter);
    *send = waited.head;
    return status;
}

static inline enum status mark_and_wait(struct message_store *store, struct message_mark *mark)
{
    struct waited_mark waited = { .head = *mark,
                                  .waiter = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
                                              false, STATUS_INTERNAL } };
    waited.head.done = mark_is_done;
    enum status status = message_store_mark_read(store, &waited.head);
    if (status == STATUS_OK)
        status = wait_for(&waited.waiter);
    *mark = waited.head;
    return status;
}

static inline struct message_send put(struct fixture *f, const char *from, const char *to,
                                      const char *text)
{
    struct message_send send = letter(from, to, text);
    assert_int_equal(send_and_wait(f->store, &send), STATUS_OK);
    return send;
}

static inline struct message_send put_with_id(struct fixture *f, const char *from, const char *to,
                                              const char *text, const char *client_id,
                                              enum status expected)
{
    struct message_send send = letter(from, to, text);
    send.client_message_id = client_id;
    assert_int_equal(send_and_wait(f->store, &send), expected);
    return send;
}

static inline struct message_mark mark_read(struct fixture *f, const char *reader,
                                            const char *sender)
{
    struct message_mark mark = { .reader = user_of(reader), .sender = user_of(sender) };
    assert_int_equal(mark_and_wait(f->store, &mark), STATUS_OK);
    return mark;
}

static inline uint64_t mark_up_to(struct fixture *f, const char *reader, const char *sender,
                                  uint64_t seq)
{
    struct message_mark mark = { .reader = user_of(reader),
                                 .sender = user_of(sender),
                                 .up_to_seq = seq };
    assert_int_equal(mark_and_wait(f->store, &mark), STATUS_OK);
    return mark.newly_read;
}

/* --- reading ------------------------------------------------------------------------------- */

static inline struct message_list messages(struct fixture *f, const char *owner_key,
                                           const char *peer_key, uint32_t start, uint32_t end,
                                           uint64_t newest_seq)
{
    struct message_range range = { .start = start, .end = end, .newest_seq = newest_seq };
    struct message_list list;
    assert_int_equal(message_store_messages(f->store, owner_key, peer_key, range, &list),
                     STATUS_OK);
    return list;
}

static inline struct dialog_list dialogs(struct fixture *f, const char *owner_key, uint32_t start,
                                         uint32_t end)
{
    struct dialog_list list;
    assert_int_equal(message_store_dialogs(f->store, owner_key, start, end, &list), STATUS_OK);
    return list;
}

/* The texts of a part of a conversation, newest first, parted by spaces. */
static inline void assert_texts(struct fixture *f, const char *owner_key, const char *peer_key,
                                struct message_range range, const char *expected)
{
    struct message_list list =
        messages(f, owner_key, peer_key, range.start, range.end, range.newest_seq);
    char text[1024] = "";
    for (size_t i = 0; i < list.count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? " " : "",
                 list.items[i].text);
    assert_string_equal(text, expected);
    message_list_finish(&list);
}

/* The peers of a part of the dialogs, in order, parted by spaces. */
static inline void assert_peers(struct fixture *f, const char *owner_key, uint32_t start,
                                uint32_t end, const char *expected)
{
    struct dialog_list list = dialogs(f, owner_key, start, end);
    char text[1024] = "";
    for (size_t i = 0; i < list.count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? " " : "",
                 list.items[i].peer_tag);
    assert_string_equal(text, expected);
    dialog_list_finish(&list);
}

static inline void assert_unread(struct fixture *f, const char *owner_key, uint64_t incoming,
                                 uint64_t outgoing)
{
    struct dialog_list list = dialogs(f, owner_key, 0, 1);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].unread_incoming, incoming);
    assert_int_equal(list.items[0].unread_outgoing, outgoing);
    dialog_list_finish(&list);
}

static inline void assert_same_message(const struct message *one, const struct message *other)
{
    assert_memory_equal(one->id.bytes, other->id.bytes, ID_BYTES);
    assert_string_equal(one->sender_tag, other->sender_tag);
    assert_string_equal(one->receiver_tag, other->receiver_tag);
    assert_string_equal(one->text, other->text);
    assert_int_equal(one->date_ms, other->date_ms);
    assert_int_equal(one->seq, other->seq);
    assert_int_equal(one->sender_count, other->sender_count);
    assert_int_equal(one->is_read, other->is_read);
}

/* One conversation: no hole, counts that go up, dates that do not fall, what is read is first. */
static inline void check_messages(const struct message_list *list, const char *owner_tag)
{
    uint64_t counts[2] = { 0, 0 };
    bool unread[2] = { false, false };
    int64_t date_ms = 0;
    for (size_t i = list->count; i-- > 0;) {
        const struct message *message = &list->items[i];
        size_t side = strcmp(message->sender_tag, owner_tag) == 0;
        assert_int_equal(message->seq, list->count - i);
        assert_int_equal(message->sender_count, ++counts[side]);
        assert_true(message->date_ms >= date_ms);
        assert_false(unread[side] && message->is_read);
        date_ms = message->date_ms;
        unread[side] = !message->is_read;
    }
}

/* Everything stored about a user's dialogs agrees with the messages themselves. */
static inline void check_user(struct fixture *f, const char *owner_tag)
{
    struct message_user owner = user_of(owner_tag);
    struct dialog_list list = dialogs(f, owner.key, 0, 1000);
    for (size_t i = 0; i < list.count; i++) {
        struct dialog *dialog = &list.items[i];
        struct message_user peer = user_of(dialog->peer_tag);
        struct message_list all = messages(f, owner.key, peer.key, 0, MANY, 0);
        struct message_list theirs = messages(f, peer.key, owner.key, 0, MANY, 0);
        struct id conversation = message_conversation_id(peer.key, owner.key);
        uint64_t incoming = 0, outgoing = 0;
        check_messages(&all, owner_tag);
        assert_int_equal(theirs.count, all.count);
        for (size_t m = 0; m < all.count; m++) {
            bool sent = strcmp(all.items[m].sender_tag, owner_tag) == 0;
            assert_same_message(&theirs.items[m], &all.items[m]);
            incoming += !sent && !all.items[m].is_read;
            outgoing += sent && !all.items[m].is_read;
        }
        assert_same_message(&dialog->last, &all.items[0]);
        assert_memory_equal(dialog->conversation.bytes, conversation.bytes, ID_BYTES);
        assert_int_equal(dialog->unread_incoming, incoming);
        assert_int_equal(dialog->unread_outgoing, outgoing);
        message_list_finish(&all);
        message_list_finish(&theirs);
    }
    dialog_list_finish(&list);
}

#endif
