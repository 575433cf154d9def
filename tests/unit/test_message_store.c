/* services/message/message_store: what every kind of message store keeps to. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "services/common/log.h"
#include "services/message/message_store.h"
#include "tests/unit/capture.h"
#include "tests/unit/process.h"
#include "tests/unit/store_urls.h"

enum { MANY = 100000, TEXT_MOST = 16 * 1024 };

struct fixture {
    char url[STORE_URL_SIZE];
    struct message_store *store;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    *state = f;
    store_url_new(f->url);
    return message_store_open(f->url, &f->store) == STATUS_OK ? 0 : -1;
}

/* Without opening it: so that processes may be the first. */
static int set_up_closed(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    *state = f;
    store_url_new(f->url);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    message_store_close(&f->store);
    free(f);
    return 0;
}

static void reopen(struct fixture *f)
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

static void tell(struct waiter *waiter, enum status status)
{
    pthread_mutex_lock(&waiter->lock);
    waiter->over = true;
    waiter->status = status;
    pthread_cond_signal(&waiter->cond);
    pthread_mutex_unlock(&waiter->lock);
}

static enum status wait_for(struct waiter *waiter)
{
    pthread_mutex_lock(&waiter->lock);
    while (!waiter->over)
        pthread_cond_wait(&waiter->cond, &waiter->lock);
    pthread_mutex_unlock(&waiter->lock);
    return waiter->status;
}

static void send_is_done(struct message_send *send, enum status status)
{
    tell(&((struct waited_send *)send)->waiter, status);
}

static void mark_is_done(struct message_mark *mark, enum status status)
{
    tell(&((struct waited_mark *)mark)->waiter, status);
}

static struct message_user user_of(const char *tag)
{
    struct message_user user = { .tag = "" };
    snprintf(user.tag, sizeof(user.tag), "%s", tag);
    tag_to_key(tag, user.key);
    return user;
}

static struct message_send letter(const char *from, const char *to, const char *text)
{
    return (struct message_send){ .sender = user_of(from), .receiver = user_of(to), .text = text,
                                  .client_message_id = "", .now_ms = 1600000000000 };
}

/* No cmocka in here: it is also called by threads and children. */
static enum status send_and_wait(struct message_store *store, struct message_send *send)
{
    struct waited_send waited = { .head = *send,
                                  .waiter = { PTHREAD_MUTEX_INITIALIZER,
                                              PTHREAD_COND_INITIALIZER, false, STATUS_INTERNAL } };
    waited.head.done = send_is_done;
    enum status status = message_store_send(store, &waited.head);
    if (status == STATUS_OK)
        status = wait_for(&waited.waiter);
    *send = waited.head;
    return status;
}

static enum status mark_and_wait(struct message_store *store, struct message_mark *mark)
{
    struct waited_mark waited = { .head = *mark,
                                  .waiter = { PTHREAD_MUTEX_INITIALIZER,
                                              PTHREAD_COND_INITIALIZER, false, STATUS_INTERNAL } };
    waited.head.done = mark_is_done;
    enum status status = message_store_mark_read(store, &waited.head);
    if (status == STATUS_OK)
        status = wait_for(&waited.waiter);
    *mark = waited.head;
    return status;
}

static struct message_send put(struct fixture *f, const char *from, const char *to,
                               const char *text)
{
    struct message_send send = letter(from, to, text);
    assert_int_equal(send_and_wait(f->store, &send), STATUS_OK);
    return send;
}

static struct message_send put_with_id(struct fixture *f, const char *from, const char *to,
                                       const char *text, const char *client_id,
                                       enum status expected)
{
    struct message_send send = letter(from, to, text);
    send.client_message_id = client_id;
    assert_int_equal(send_and_wait(f->store, &send), expected);
    return send;
}

static struct message_mark mark_read(struct fixture *f, const char *reader, const char *sender)
{
    struct message_mark mark = { .reader = user_of(reader), .sender = user_of(sender) };
    assert_int_equal(mark_and_wait(f->store, &mark), STATUS_OK);
    return mark;
}

/* --- reading ------------------------------------------------------------------------------- */

static struct message_list messages(struct fixture *f, const char *owner_key, const char *peer_key,
                                    uint32_t start, uint32_t end, uint64_t newest_seq)
{
    struct message_range range = { start, end, newest_seq };
    struct message_list list;
    assert_int_equal(message_store_messages(f->store, owner_key, peer_key, range, &list),
                     STATUS_OK);
    return list;
}

static struct dialog_list dialogs(struct fixture *f, const char *owner_key, uint32_t start,
                                  uint32_t end)
{
    struct dialog_list list;
    assert_int_equal(message_store_dialogs(f->store, owner_key, start, end, &list), STATUS_OK);
    return list;
}

/* The texts of a part of a conversation, newest first, parted by spaces. */
static void assert_texts(struct fixture *f, const char *owner_key, const char *peer_key,
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
static void assert_peers(struct fixture *f, const char *owner_key, uint32_t start, uint32_t end,
                         const char *expected)
{
    struct dialog_list list = dialogs(f, owner_key, start, end);
    char text[1024] = "";
    for (size_t i = 0; i < list.count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? " " : "",
                 list.items[i].peer_tag);
    assert_string_equal(text, expected);
    dialog_list_finish(&list);
}

static void assert_unread(struct fixture *f, const char *owner_key, uint64_t incoming,
                          uint64_t outgoing)
{
    struct dialog_list list = dialogs(f, owner_key, 0, 1);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].unread_incoming, incoming);
    assert_int_equal(list.items[0].unread_outgoing, outgoing);
    dialog_list_finish(&list);
}

static void assert_same_message(const struct message *one, const struct message *other)
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
static void check_messages(const struct message_list *list, const char *owner_tag)
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

/* Everything that can be told of a user's dialogs agrees with the messages themselves. */
static void check_user(struct fixture *f, const char *owner_tag)
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

/* --- sending ------------------------------------------------------------------------------- */

static void a_message_is_read_back_by_both_as_it_was_sent(void **state)
{
    struct fixture *f = *state;
    struct message_send sent = put(f, "@Amy", "@bob", "hi, \xD0\xB1\xD0\xBE\xD0\xB1 \xF0\x9F\x98\x80");
    static const char *const keys[][2] = { { "amy", "bob" }, { "bob", "amy" } };
    assert_false(sent.repeated);
    assert_int_equal(sent.seq, 1);
    assert_int_equal(sent.date_ms, 1600000000000);
    for (size_t i = 0; i < 2; i++) {
        struct message_list list = messages(f, keys[i][0], keys[i][1], 0, 10, 0);
        assert_int_equal(list.count, 1);
        const struct message *message = &list.items[0];
        assert_memory_equal(message->id.bytes, sent.id.bytes, ID_BYTES);
        assert_string_equal(message->sender_tag, "@Amy");
        assert_string_equal(message->receiver_tag, "@bob");
        assert_string_equal(message->text, sent.text);
        assert_int_equal(message->date_ms, sent.date_ms);
        assert_int_equal(message->seq, 1);
        assert_int_equal(message->sender_count, 1);
        assert_false(message->is_read);
        message_list_finish(&list);
        message_list_finish(&list);
    }
}

static void text_of_every_kind_and_length_is_kept(void **state)
{
    struct fixture *f = *state;
    static char longest[TEXT_MOST + 1];
    memset(longest, 'x', TEXT_MOST);
    memcpy(longest, "\xF0\x9F\x98\x80", 4);
    const char *const texts[] = { "x", "'; DROP TABLE message; --", "\"\\\n\t\r", "%_$.{}[]",
                                  " leading and trailing ", "\xEF\xBB\xBF" "bom", longest };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        put(f, "@amy", "@bob", texts[i]);
        struct message_list list = messages(f, "bob", "amy", 0, 1, 0);
        assert_string_equal(list.items[0].text, texts[i]);
        message_list_finish(&list);
    }
}

static void seq_counts_from_1_without_holes_in_each_conversation(void **state)
{
    struct fixture *f = *state;
    for (uint64_t n = 1; n <= 20; n++) {
        assert_int_equal(put(f, "@amy", "@bob", "x").seq, 2 * n - 1);
        assert_int_equal(put(f, "@amy", "@cid", "x").seq, n);
        assert_int_equal(put(f, "@bob", "@amy", "x").seq, 2 * n);
        if (n % 5 == 0)
            reopen(f);
    }
    check_user(f, "@amy");
    check_user(f, "@bob");
    check_user(f, "@cid");
}

static void sender_count_counts_what_each_has_sent(void **state)
{
    struct fixture *f = *state;
    static const char *const senders[] = { "@amy", "@amy", "@bob", "@amy", "@bob", "@bob" };
    static const uint64_t counts[] = { 1, 2, 1, 3, 2, 3 };
    for (size_t i = 0; i < COUNT_OF(senders); i++)
        put(f, senders[i], senders[i][1] == 'a' ? "@bob" : "@amy", "x");
    struct message_list list = messages(f, "amy", "bob", 0, 10, 0);
    assert_int_equal(list.count, COUNT_OF(senders));
    for (size_t i = 0; i < list.count; i++) {
        assert_string_equal(list.items[list.count - 1 - i].sender_tag, senders[i]);
        assert_int_equal(list.items[list.count - 1 - i].sender_count, counts[i]);
    }
    message_list_finish(&list);
}

static void every_change_takes_its_owners_next_user_sequence(void **state)
{
    struct fixture *f = *state;
    uint64_t amy = 0, bob = 0, cid = 0;
    for (int round = 0; round < 3; round++) {
        struct message_send sent = put(f, "@amy", "@bob", "x");
        assert_int_equal(sent.sender_user_seq, ++amy);
        assert_int_equal(sent.receiver_user_seq, ++bob);
        sent = put(f, "@cid", "@amy", "x");
        assert_int_equal(sent.sender_user_seq, ++cid);
        assert_int_equal(sent.receiver_user_seq, ++amy);
        struct message_mark mark = mark_read(f, "@bob", "@amy");
        assert_int_equal(mark.reader_user_seq, ++bob);
        assert_int_equal(mark.sender_user_seq, ++amy);
        mark = mark_read(f, "@bob", "@amy"); /* changes nothing */
        assert_int_equal(mark.reader_user_seq, 0);
        assert_int_equal(mark.sender_user_seq, 0);
        sent = put(f, "@bob", "@cid", "x");
        assert_int_equal(sent.sender_user_seq, ++bob);
        assert_int_equal(sent.receiver_user_seq, ++cid);
        reopen(f);
    }
}

static void dates_never_fall_within_a_conversation(void **state)
{
    struct fixture *f = *state;
    static const int64_t now[] = { 1000, 900, 1000, 1001, 5, 2000 };
    static const int64_t expected[] = { 1000, 1000, 1000, 1001, 1001, 2000 };
    for (size_t i = 0; i < COUNT_OF(now); i++) {
        struct message_send send = letter(i % 2 == 0 ? "@amy" : "@bob",
                                          i % 2 == 0 ? "@bob" : "@amy", "x");
        send.now_ms = now[i];
        assert_int_equal(send_and_wait(f->store, &send), STATUS_OK);
        assert_int_equal(send.date_ms, expected[i]);
    }
    check_user(f, "@amy");
}

/* --- sending again ------------------------------------------------------------------------- */

static void the_same_client_id_again_gives_the_first_message(void **state)
{
    struct fixture *f = *state;
    struct message_send first = put_with_id(f, "@amy", "@bob", "hi", "c-1", STATUS_OK);
    struct id expected = message_id_from_client("amy", "c-1");
    assert_false(first.repeated);
    assert_memory_equal(first.id.bytes, expected.bytes, ID_BYTES);
    put(f, "@bob", "@amy", "between");
    for (int again = 0; again < 3; again++) {
        struct message_send send = letter("@amy", "@bob", "hi");
        send.client_message_id = "c-1";
        send.now_ms += 1000000;
        assert_int_equal(send_and_wait(f->store, &send), STATUS_OK);
        assert_true(send.repeated);
        assert_memory_equal(send.id.bytes, first.id.bytes, ID_BYTES);
        assert_int_equal(send.seq, first.seq);
        assert_int_equal(send.date_ms, first.date_ms);
        assert_int_equal(send.sender_user_seq, 0);
        assert_int_equal(send.receiver_user_seq, 0);
        assert_int_equal(send.is_read, again > 0); /* is_read is of now */
        if (again == 0)
            mark_read(f, "@bob", "@amy");
        reopen(f);
    }
    assert_texts(f, "bob", "amy", (struct message_range){ 0, 10, 0 }, "between hi");
    assert_int_equal(put(f, "@amy", "@bob", "next").sender_user_seq, 4);
}

static void another_text_or_receiver_with_the_same_client_id_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    struct message_send first = put_with_id(f, "@amy", "@bob", "hi", "c-1", STATUS_OK);
    put_with_id(f, "@amy", "@bob", "ho", "c-1", STATUS_CONFLICT);
    put_with_id(f, "@amy", "@bob", "hi ", "c-1", STATUS_CONFLICT);
    put_with_id(f, "@amy", "@bob", "Hi", "c-1", STATUS_CONFLICT);
    put_with_id(f, "@amy", "@cid", "hi", "c-1", STATUS_CONFLICT);
    put_with_id(f, "@amy", "@cid", "ho", "c-1", STATUS_CONFLICT);
    assert_texts(f, "amy", "bob", (struct message_range){ 0, 10, 0 }, "hi");
    assert_peers(f, "amy", 0, 10, "@bob");
    assert_peers(f, "cid", 0, 10, "");
    struct message_send again = put_with_id(f, "@amy", "@bob", "hi", "c-1", STATUS_OK);
    assert_true(again.repeated);
    assert_int_equal(again.seq, first.seq);
    struct message_send next = put(f, "@amy", "@bob", "next");
    assert_int_equal(next.seq, 2);
    assert_int_equal(next.sender_user_seq, 2);
}

static void client_ids_are_the_senders_own(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put_with_id(f, "@amy", "@bob", "hi", "c-1", STATUS_OK).seq, 1);
    struct message_send of_bob = put_with_id(f, "@bob", "@amy", "hi", "c-1", STATUS_OK);
    assert_false(of_bob.repeated);
    assert_int_equal(of_bob.seq, 2);
    assert_false(put_with_id(f, "@cid", "@amy", "hi", "c-1", STATUS_OK).repeated);
}

static void every_client_id_is_another(void **state)
{
    struct fixture *f = *state;
    char longest[4 * 64 + 1] = "", nearly[4 * 64 + 1] = "";
    for (int i = 0; i < 64; i++) {
        strcat(longest, "\xF0\x9F\x98\x80");
        strcat(nearly, i == 63 ? "\xF0\x9F\x98\x81" : "\xF0\x9F\x98\x80");
    }
    const char *const ids[] = { "1", "01", "a", "A", " a", "a ", "|", "a|b", "'", longest, nearly };
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < COUNT_OF(ids); i++) {
            struct message_send send = put_with_id(f, "@amy", "@bob", "x", ids[i], STATUS_OK);
            assert_int_equal(send.seq, i + 1);
            assert_int_equal(send.repeated, again);
        }
    }
}

static void without_a_client_id_nothing_is_a_repetition(void **state)
{
    struct fixture *f = *state;
    struct message_send one = put(f, "@amy", "@bob", "same"), two = put(f, "@amy", "@bob", "same");
    assert_false(one.repeated || two.repeated);
    assert_int_equal(two.seq, 2);
    assert_memory_not_equal(one.id.bytes, two.id.bytes, ID_BYTES);
}

/* --- dialogs ------------------------------------------------------------------------------- */

static void the_dialog_with_the_newest_message_comes_first(void **state)
{
    struct fixture *f = *state;
    put(f, "@amy", "@Bob", "1");
    put(f, "@cid", "@amy", "2");
    put(f, "@amy", "@dan", "3");
    assert_peers(f, "amy", 0, 10, "@dan @cid @Bob");
    put(f, "@Bob", "@amy", "4");
    assert_peers(f, "amy", 0, 10, "@Bob @dan @cid");
    struct message_send late = letter("@amy", "@cid", "5");
    late.now_ms = 1000; /* a clock gone wrong: the order is that of arrival */
    assert_int_equal(send_and_wait(f->store, &late), STATUS_OK);
    assert_peers(f, "amy", 0, 10, "@cid @Bob @dan");
    mark_read(f, "@amy", "@Bob"); /* reading brings nothing to the top */
    mark_read(f, "@dan", "@amy");
    put_with_id(f, "@amy", "@dan", "6", "c", STATUS_OK);
    put(f, "@amy", "@cid", "7");
    put_with_id(f, "@amy", "@dan", "6", "c", STATUS_OK); /* nor does sending again */
    assert_peers(f, "amy", 0, 10, "@cid @dan @Bob");
    assert_peers(f, "Bob", 0, 10, "");
    assert_peers(f, "bob", 0, 10, "@amy");
    check_user(f, "@amy");
}

static void dialogs_come_in_pages(void **state)
{
    struct fixture *f = *state;
    enum { PEERS = 23 };
    for (int i = 0; i < PEERS; i++) {
        char tag[32];
        snprintf(tag, sizeof(tag), "@peer%02d", i);
        put(f, i % 2 == 0 ? "@amy" : tag, i % 2 == 0 ? tag : "@amy", "x");
    }
    for (uint32_t size = 1; size <= PEERS + 2; size += 3) {
        for (uint32_t start = 0; start < PEERS + 5; start += size) {
            struct dialog_list page = dialogs(f, "amy", start, start + size);
            size_t left = start < PEERS ? PEERS - start : 0;
            assert_int_equal(page.count, left < size ? left : size);
            for (size_t i = 0; i < page.count; i++) {
                char tag[32];
                snprintf(tag, sizeof(tag), "@peer%02d", PEERS - 1 - (int)(start + i));
                assert_string_equal(page.items[i].peer_tag, tag);
            }
            dialog_list_finish(&page);
        }
    }
    assert_peers(f, "amy", 1000000, 1000010, "");
    assert_peers(f, "amy", UINT32_MAX - 10, UINT32_MAX, "");
}

static void a_dialog_shows_its_last_message(void **state)
{
    struct fixture *f = *state;
    static const char *const owners[] = { "amy", "bob" };
    put(f, "@Amy", "@Bob", "first");
    struct message_send last = put(f, "@Bob", "@Amy", "last");
    struct id conversation = message_conversation_id("amy", "bob");
    for (size_t i = 0; i < 2; i++) {
        struct dialog_list list = dialogs(f, owners[i], 0, 10);
        assert_int_equal(list.count, 1);
        const struct dialog *dialog = &list.items[0];
        assert_string_equal(dialog->peer_tag, i == 0 ? "@Bob" : "@Amy");
        assert_memory_equal(dialog->conversation.bytes, conversation.bytes, ID_BYTES);
        assert_memory_equal(dialog->last.id.bytes, last.id.bytes, ID_BYTES);
        assert_string_equal(dialog->last.text, "last");
        assert_string_equal(dialog->last.sender_tag, "@Bob");
        assert_string_equal(dialog->last.receiver_tag, "@Amy");
        assert_int_equal(dialog->last.seq, 2);
        dialog_list_finish(&list);
        dialog_list_finish(&list);
    }
}

static void who_has_no_dialog_has_an_empty_list(void **state)
{
    struct fixture *f = *state;
    struct message_contacts contacts;
    assert_peers(f, "nobody", 0, 10, "");
    assert_texts(f, "nobody", "amy", (struct message_range){ 0, 10, 0 }, "");
    put(f, "@amy", "@bob", "x");
    assert_peers(f, "nobody", 0, 10, "");
    assert_texts(f, "amy", "nobody", (struct message_range){ 0, 10, 0 }, "");
    assert_texts(f, "nobody", "amy", (struct message_range){ 0, 10, 0 }, "");
    assert_texts(f, "amy", "amy", (struct message_range){ 0, 10, 0 }, "");
    assert_int_equal(message_store_contacts(f->store, "nobody", &contacts), STATUS_OK);
    assert_int_equal(contacts.count, 0);
    message_contacts_finish(&contacts);
}

/* --- reading marks ------------------------------------------------------------------------- */

static void unread_messages_are_counted_in_both_directions(void **state)
{
    struct fixture *f = *state;
    put(f, "@amy", "@bob", "1");
    assert_unread(f, "amy", 0, 1);
    assert_unread(f, "bob", 1, 0);
    put(f, "@amy", "@bob", "2");
    put(f, "@bob", "@amy", "3");
    assert_unread(f, "amy", 1, 2);
    assert_unread(f, "bob", 2, 1);
    mark_read(f, "@bob", "@amy");
    assert_unread(f, "amy", 1, 0);
    assert_unread(f, "bob", 0, 1);
    put(f, "@amy", "@bob", "4");
    assert_unread(f, "amy", 1, 1);
    mark_read(f, "@amy", "@bob");
    assert_unread(f, "amy", 0, 1);
    assert_unread(f, "bob", 1, 0);
    reopen(f);
    assert_unread(f, "amy", 0, 1);
    check_user(f, "@amy");
    check_user(f, "@bob");
}

static void marking_says_how_many_were_newly_read(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        put(f, "@Amy", "@Bob", "x");
    put(f, "@Bob", "@Amy", "x");
    struct message_mark mark = mark_read(f, "@bob", "@amy");
    assert_int_equal(mark.newly_read, 3);
    assert_true(mark.has_dialog);
    assert_string_equal(mark.reader_tag, "@Bob");
    assert_string_equal(mark.sender_tag, "@Amy");
    mark = mark_read(f, "@bob", "@amy");
    assert_int_equal(mark.newly_read, 0);
    assert_true(mark.has_dialog);
    put(f, "@Amy", "@Bob", "x");
    assert_int_equal(mark_read(f, "@bob", "@amy").newly_read, 1);
    assert_int_equal(mark_read(f, "@amy", "@bob").newly_read, 1);
}

static void marking_where_nothing_is_changes_nothing(void **state)
{
    struct fixture *f = *state;
    static const char *const pairs[][2] = { { "@amy", "@nobody" }, { "@nobody", "@amy" },
                                            { "@no", "@one" }, { "@amy", "@cid" },
                                            { "@amy", "@amy" } };
    put(f, "@amy", "@bob", "x");
    put(f, "@cid", "@bob", "x");
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct message_mark mark = mark_read(f, pairs[i][0], pairs[i][1]);
        assert_int_equal(mark.newly_read, 0);
        assert_false(mark.has_dialog);
        assert_int_equal(mark.reader_user_seq, 0);
        assert_int_equal(mark.sender_user_seq, 0);
    }
    assert_peers(f, "amy", 0, 10, "@bob");
    assert_peers(f, "nobody", 0, 10, "");
    assert_int_equal(put(f, "@amy", "@bob", "x").sender_user_seq, 2);
}

/* `expected`: for each message, newest first, whether its receiver has read it. */
static void assert_read(struct fixture *f, const char *expected)
{
    static const char *const keys[][2] = { { "amy", "bob" }, { "bob", "amy" } };
    for (size_t i = 0; i < 2; i++) {
        struct message_list list = messages(f, keys[i][0], keys[i][1], 0, 100, 0);
        assert_int_equal(list.count, strlen(expected));
        for (size_t m = 0; m < list.count; m++)
            assert_int_equal(list.items[m].is_read, expected[m] == 'r');
        message_list_finish(&list);
    }
}

static void a_message_is_read_when_its_receiver_has_marked_it(void **state)
{
    struct fixture *f = *state;
    put(f, "@amy", "@bob", "1");
    put(f, "@bob", "@amy", "2");
    put(f, "@amy", "@bob", "3");
    assert_read(f, "---");
    mark_read(f, "@bob", "@amy");
    assert_read(f, "r-r");
    put(f, "@amy", "@bob", "4");
    put(f, "@bob", "@amy", "5");
    assert_read(f, "--r-r");
    mark_read(f, "@amy", "@bob");
    assert_read(f, "r-rrr");
    mark_read(f, "@bob", "@amy");
    assert_read(f, "rrrrr");
    struct dialog_list list = dialogs(f, "amy", 0, 1);
    assert_true(list.items[0].last.is_read);
    dialog_list_finish(&list);
}

/* --- parts of a conversation --------------------------------------------------------------- */

static void a_range_counts_back_from_the_newest(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = { "1", "2", "3", "4", "5", "6", "7", "8", "9" };
    static const struct {
        struct message_range range;
        const char *expected;
    } parts[] = {
        { { 0, 100, 0 }, "9 8 7 6 5 4 3 2 1" }, { { 0, 9, 0 }, "9 8 7 6 5 4 3 2 1" },
        { { 0, 1, 0 }, "9" },                   { { 0, 2, 0 }, "9 8" },
        { { 3, 5, 0 }, "6 5" },                 { { 8, 9, 0 }, "1" },
        { { 8, 1000, 0 }, "1" },                { { 9, 10, 0 }, "" },
        { { 1000, 2000, 0 }, "" },              { { 4294967000u, 4294967295u, 0 }, "" },
        { { 0, 3, 5 }, "5 4 3" },               { { 0, 100, 1 }, "1" },
        { { 1, 3, 5 }, "4 3" },                 { { 5, 9, 5 }, "" },
        { { 0, 3, 9 }, "9 8 7" },               { { 0, 3, 10 }, "9 8 7" },
        { { 0, 2, UINT64_C(4294967296) }, "9 8" }, { { 2, 4, 1000000 }, "7 6" },
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        put(f, i % 3 == 0 ? "@bob" : "@amy", i % 3 == 0 ? "@amy" : "@bob", texts[i]);
        put(f, "@amy", "@cid", "other");
    }
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        assert_texts(f, "amy", "bob", parts[i].range, parts[i].expected);
        assert_texts(f, "bob", "amy", parts[i].range, parts[i].expected);
    }
}

static void a_page_counted_from_a_message_does_not_shift(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++)
        put(f, "@amy", "@bob", "old");
    put(f, "@amy", "@bob", "new");
    assert_texts(f, "bob", "amy", (struct message_range){ 0, 2, 5 }, "old old");
    for (int i = 0; i < 5; i++)
        put(f, "@amy", "@bob", "newer");
    struct message_list list = messages(f, "bob", "amy", 2, 4, 5);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].seq, 3);
    assert_int_equal(list.items[1].seq, 2);
    message_list_finish(&list);
}

static bool holds(const struct message_contacts *contacts, const char *key)
{
    size_t times = 0;
    for (size_t i = 0; i < contacts->count; i++)
        times += strcmp(contacts->keys[i], key) == 0;
    return times == 1;
}

static void contacts_are_all_one_has_a_dialog_with(void **state)
{
    struct fixture *f = *state;
    struct message_contacts contacts;
    char tag[32];
    put(f, "@amy", "@Bob", "x");
    put(f, "@Bob", "@amy", "x");
    put(f, "@cid", "@amy", "x");
    put(f, "@Bob", "@dan", "x");
    assert_int_equal(message_store_contacts(f->store, "amy", &contacts), STATUS_OK);
    assert_int_equal(contacts.count, 2);
    assert_true(holds(&contacts, "bob") && holds(&contacts, "cid"));
    message_contacts_finish(&contacts);
    message_contacts_finish(&contacts);
    for (int i = 0; i < 100; i++) {
        snprintf(tag, sizeof(tag), "@p%d", i);
        put(f, i % 2 == 0 ? tag : "@amy", i % 2 == 0 ? "@amy" : tag, "x");
    }
    assert_int_equal(message_store_contacts(f->store, "amy", &contacts), STATUS_OK);
    assert_int_equal(contacts.count, 102);
    for (int i = 0; i < 100; i++)
        assert_true(holds(&contacts, (snprintf(tag, sizeof(tag), "p%d", i), tag)));
    message_contacts_finish(&contacts);
}

static void ids_of_conversations_and_messages_are_as_documented(void **state)
{
    (void)state;
    struct id one = message_conversation_id("amy", "bob"), two = message_conversation_id("bob", "amy");
    struct id expected = id_from_parts("amy", "bob");
    assert_memory_equal(one.bytes, expected.bytes, ID_BYTES);
    assert_memory_equal(two.bytes, expected.bytes, ID_BYTES);
    one = message_id_from_client("amy", "c-1");
    expected = id_from_parts("amy", "c-1");
    assert_memory_equal(one.bytes, expected.bytes, ID_BYTES);
}

/* --- opening and closing ------------------------------------------------------------------- */

static void what_is_no_url_of_a_store_is_refused(void **state)
{
    (void)state;
    static const char *const urls[] = { "", "sqlite", "sqlite:", "sqlit:///tmp/x.db", "http://x",
                                        "/tmp/x.db", "://", "sqlite:/tmp/x" };
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct message_store *store = NULL;
        struct capture capture = capture_begin();
        enum status status = message_store_open(urls[i], &store);
        free(capture_end(&capture));
        assert_int_equal(status, STATUS_INVALID_ARGUMENT);
        assert_null(store);
    }
    struct message_store *none = NULL;
    message_store_close(&none);
}

struct counted_send {
    struct message_send head;
    atomic_size_t *done, *failed;
    _Atomic uint64_t *last_seq;
};

static void count_send(struct message_send *send, enum status status)
{
    struct counted_send *counted = (struct counted_send *)send;
    uint64_t before = atomic_exchange(counted->last_seq, send->seq);
    if (status != STATUS_OK || send->seq != before + 1)
        atomic_fetch_add(counted->failed, 1);
    atomic_fetch_add(counted->done, 1);
}

static void closing_finishes_what_was_accepted_and_tells_it_in_order(void **state)
{
    struct fixture *f = *state;
    static struct counted_send sends[1000];
    atomic_size_t done = 0, failed = 0;
    _Atomic uint64_t last_seq = 0;
    for (size_t i = 0; i < COUNT_OF(sends); i++) {
        sends[i] = (struct counted_send){ letter("@amy", "@bob", "x"), &done, &failed, &last_seq };
        sends[i].head.done = count_send;
        assert_int_equal(message_store_send(f->store, &sends[i].head), STATUS_OK);
    }
    reopen(f);
    assert_int_equal(done, COUNT_OF(sends));
    assert_int_equal(failed, 0);
    struct message_list list = messages(f, "bob", "amy", 0, 2000, 0);
    assert_int_equal(list.count, COUNT_OF(sends));
    message_list_finish(&list);
    check_user(f, "@amy");
}

/* --- many at once -------------------------------------------------------------------------- */

enum { CROWD_PROCESSES = 2, CROWD_THREADS = 16, CROWD_SENDS = 200,
       CROWD_ALL = CROWD_PROCESSES * CROWD_THREADS * CROWD_SENDS };

/* What each send yielded, in memory that all processes share. */
struct crowd_result {
    uint64_t seq, user_seqs[2]; /* of amy, of bob */
};

struct crowd {
    char url[STORE_URL_SIZE];
    struct crowd_result *results; /* of this process */
    struct message_store *store;
    atomic_uint next_thread, failures;
};

static void *send_in_the_crowd(void *arg)
{
    struct crowd *crowd = arg;
    unsigned thread = atomic_fetch_add(&crowd->next_thread, 1);
    size_t amy_sends = thread % 2;
    for (unsigned i = 0; i < CROWD_SENDS; i++) {
        struct message_send send = letter(amy_sends ? "@amy" : "@bob", amy_sends ? "@bob" : "@amy",
                                          "in the crowd");
        send.now_ms += thread * 1000 + i; /* clocks that disagree */
        if (send_and_wait(crowd->store, &send) != STATUS_OK || send.repeated)
            atomic_fetch_add(&crowd->failures, 1);
        struct crowd_result *result = &crowd->results[thread * CROWD_SENDS + i];
        result->seq = send.seq;
        result->user_seqs[0] = amy_sends ? send.sender_user_seq : send.receiver_user_seq;
        result->user_seqs[1] = amy_sends ? send.receiver_user_seq : send.sender_user_seq;
    }
    return NULL;
}

static int be_a_crowd(void *arg)
{
    struct crowd *crowd = arg;
    pthread_t threads[CROWD_THREADS];
    if (message_store_open(crowd->url, &crowd->store) != STATUS_OK)
        return 1;
    for (size_t i = 0; i < CROWD_THREADS; i++)
        if (pthread_create(&threads[i], NULL, send_in_the_crowd, crowd) != 0)
            return 2;
    for (size_t i = 0; i < CROWD_THREADS; i++)
        pthread_join(threads[i], NULL);
    message_store_close(&crowd->store);
    return crowd->failures == 0 ? 0 : 3;
}

/* 1, 2, 3... each once. */
static void assert_counts_up(const struct crowd_result *results, size_t offset)
{
    static bool seen[CROWD_ALL + 1];
    memset(seen, 0, sizeof(seen));
    for (size_t i = 0; i < CROWD_ALL; i++) {
        uint64_t value;
        memcpy(&value, (const char *)&results[i] + offset, sizeof(value));
        assert_in_range(value, 1, CROWD_ALL);
        assert_false(seen[value]);
        seen[value] = true;
    }
}

static void two_crowds_in_one_conversation_make_no_hole_and_no_double(void **state)
{
    struct fixture *f = *state;
    size_t size = sizeof(struct crowd_result) * CROWD_ALL;
    struct crowd_result *results = mmap(NULL, size, PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[CROWD_PROCESSES];
    assert_true(results != MAP_FAILED);
    for (size_t i = 0; i < CROWD_PROCESSES; i++) {
        struct crowd crowd = { .results = results + i * CROWD_THREADS * CROWD_SENDS };
        memcpy(crowd.url, f->url, sizeof(crowd.url));
        pids[i] = process_start(be_a_crowd, &crowd);
    }
    for (size_t i = 0; i < CROWD_PROCESSES; i++)
        assert_process_went_well(pids[i]);
    assert_counts_up(results, offsetof(struct crowd_result, seq));
    assert_counts_up(results, offsetof(struct crowd_result, user_seqs[0]));
    assert_counts_up(results, offsetof(struct crowd_result, user_seqs[1]));
    reopen(f);
    struct message_list list = messages(f, "amy", "bob", 0, MANY, 0);
    assert_int_equal(list.count, CROWD_ALL);
    message_list_finish(&list);
    check_user(f, "@amy");
    check_user(f, "@bob");
    munmap(results, size);
}

enum { REPEATS = 100 };

static void *send_the_same(void *arg)
{
    struct crowd *crowd = arg;
    unsigned thread = atomic_fetch_add(&crowd->next_thread, 1);
    for (unsigned i = 0; i < REPEATS; i++) {
        struct message_send send = letter("@amy", "@bob", "once");
        char client_id[32];
        snprintf(client_id, sizeof(client_id), "same-%u", i);
        send.client_message_id = client_id;
        if (send_and_wait(crowd->store, &send) != STATUS_OK)
            atomic_fetch_add(&crowd->failures, 1);
        struct crowd_result *result = &crowd->results[thread * REPEATS + i];
        result->seq = send.seq;
        result->user_seqs[0] = send.repeated;
    }
    return NULL;
}

static void of_the_same_message_sent_by_many_at_once_one_is_stored(void **state)
{
    struct fixture *f = *state;
    enum { THREADS = 8 };
    static struct crowd_result results[THREADS * REPEATS];
    struct crowd crowd = { .results = results, .store = f->store };
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_the_same, &crowd), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(crowd.failures, 0);
    for (size_t i = 0; i < REPEATS; i++) {
        size_t first = 0;
        for (size_t thread = 0; thread < THREADS; thread++) {
            assert_int_equal(results[thread * REPEATS + i].seq, results[i].seq);
            first += results[thread * REPEATS + i].user_seqs[0] == 0;
        }
        assert_int_equal(first, 1);
    }
    struct message_list list = messages(f, "amy", "bob", 0, MANY, 0);
    assert_int_equal(list.count, REPEATS);
    message_list_finish(&list);
    check_user(f, "@amy");
}

/* --- crashes ------------------------------------------------------------------------------- */

enum { CRASH_ROUNDS = 20, CRASH_PAIRS = 4, CRASH_ACKS_MOST = 120 };

/* What a child reports of each message that was acknowledged, or each that was marked as read. */
struct ack {
    uint32_t pair, number;
    uint64_t seq, user_seq; /* the sender's */
    struct id id;
    uint32_t read_count; /* not 0: so many of this sender's messages are read */
};

/* The sender of a pair sends its messages 0, 1, 2... each with an id and a text of its own. */
struct crash_pair {
    uint32_t number;
    char sender[TAG_SIZE], receiver[TAG_SIZE];
    struct ack *acks; /* by message number */
    uint32_t acked;   /* all below have been acknowledged */
    uint64_t last_user_seq;
    uint32_t read_count;
};

struct crasher {
    const char *url;
    struct message_store *store;
    struct crash_pair *pairs;
    atomic_uint next_pair;
    int report; /* where acks are written */
};

static struct message_send numbered_letter(const struct crash_pair *pair, uint32_t number,
                                           char text[32])
{
    struct message_send send = letter(pair->sender, pair->receiver, text);
    snprintf(text, 32, "letter %u", number);
    send.client_message_id = text;
    return send;
}

static bool mark_some(struct crasher *crasher, const struct crash_pair *pair, struct ack *ack)
{
    struct message_mark mark = { .reader = user_of(pair->receiver), .sender = user_of(pair->sender) };
    bool marked = mark_and_wait(crasher->store, &mark) == STATUS_OK;
    ack->read_count = ack->number + 1;
    return marked && write(crasher->report, ack, sizeof(*ack)) == sizeof(*ack);
}

/* Begins with what was not acknowledged before the last crash: sent again, or for the first time. */
static void *send_until_killed(void *arg)
{
    struct crasher *crasher = arg;
    const struct crash_pair *pair = &crasher->pairs[atomic_fetch_add(&crasher->next_pair, 1)];
    for (uint32_t number = pair->acked;; number++) {
        char text[32];
        struct message_send send = numbered_letter(pair, number, text);
        if (send_and_wait(crasher->store, &send) != STATUS_OK)
            return NULL;
        struct ack ack = { .pair = pair->number, .number = number, .seq = send.seq, .id = send.id,
                           .user_seq = send.sender_user_seq };
        if (write(crasher->report, &ack, sizeof(ack)) != sizeof(ack) ||
            (number % 7 == 6 && !mark_some(crasher, pair, &ack)))
            return NULL;
    }
}

static int crash_sometime(void *arg)
{
    struct crasher *crasher = arg;
    pthread_t threads[CRASH_PAIRS];
    if (message_store_open(crasher->url, &crasher->store) != STATUS_OK)
        return 1;
    for (size_t i = 0; i < CRASH_PAIRS; i++)
        if (pthread_create(&threads[i], NULL, send_until_killed, crasher) != 0)
            return 2;
    for (size_t i = 0; i < CRASH_PAIRS; i++)
        pthread_join(threads[i], NULL);
    return 3; /* not reached by who can send */
}

static void note_ack(struct crash_pair *pairs, const struct ack *ack)
{
    struct crash_pair *pair = &pairs[ack->pair];
    if (ack->read_count > 0) {
        pair->read_count = ack->read_count;
        return;
    }
    assert_int_equal(ack->number, pair->acked);
    assert_true(ack->number < MANY);
    if (ack->user_seq != 0) { /* 0: a repetition */
        assert_true(ack->user_seq > pair->last_user_seq);
        pair->last_user_seq = ack->user_seq;
    }
    pair->acks[pair->acked++] = *ack;
}

/* Runs a child and kills it after it has acknowledged `most` messages, whatever it is doing. */
static void run_and_kill(struct fixture *f, struct crash_pair *pairs, unsigned most)
{
    int pipe_ends[2];
    struct ack ack;
    unsigned acks = 0;
    assert_int_equal(pipe(pipe_ends), 0);
    struct crasher crasher = { .url = f->url, .pairs = pairs, .report = pipe_ends[1] };
    pid_t pid = process_start(crash_sometime, &crasher);
    close(pipe_ends[1]);
    while (read(pipe_ends[0], &ack, sizeof(ack)) == sizeof(ack)) {
        note_ack(pairs, &ack);
        if (++acks == most)
            kill(pid, SIGKILL);
    }
    close(pipe_ends[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(acks >= most);
}

static void check_after_crash(struct fixture *f, const struct crash_pair *pair)
{
    struct message_user sender = user_of(pair->sender), receiver = user_of(pair->receiver);
    struct message_list list = messages(f, receiver.key, sender.key, 0, MANY, 0);
    assert_true(list.count >= pair->acked && list.count <= pair->acked + 1);
    for (uint32_t number = 0; number < list.count; number++) {
        const struct message *message = &list.items[list.count - 1 - number];
        char text[32];
        snprintf(text, sizeof(text), "letter %u", number);
        assert_string_equal(message->text, text);
        if (number < pair->read_count)
            assert_true(message->is_read);
        if (number >= pair->acked)
            continue;
        assert_int_equal(message->seq, pair->acks[number].seq);
        assert_memory_equal(message->id.bytes, pair->acks[number].id.bytes, ID_BYTES);
    }
    message_list_finish(&list);
    check_user(f, pair->sender);
    check_user(f, pair->receiver);
}

static void a_killed_process_loses_nothing_it_acknowledged(void **state)
{
    struct fixture *f = *state;
    struct crash_pair pairs[CRASH_PAIRS];
    unsigned random = (unsigned)getpid();
    for (uint32_t i = 0; i < CRASH_PAIRS; i++) {
        pairs[i] = (struct crash_pair){ .number = i,
                                        .acks = malloc(MANY * sizeof(struct ack)) };
        snprintf(pairs[i].sender, TAG_SIZE, "@sender%u", i);
        snprintf(pairs[i].receiver, TAG_SIZE, "@receiver%u", i);
        assert_non_null(pairs[i].acks);
    }
    for (int round = 0; round < CRASH_ROUNDS; round++) {
        random = random * 1664525u + 1013904223u;
        message_store_close(&f->store);
        run_and_kill(f, pairs, 1 + (random >> 16) % CRASH_ACKS_MOST);
        reopen(f);
        for (size_t i = 0; i < CRASH_PAIRS; i++)
            check_after_crash(f, &pairs[i]);
    }
    for (size_t i = 0; i < CRASH_PAIRS; i++)
        free(pairs[i].acks);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define PROCESS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_closed, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        /* First: no id may have been made before the forks, or the children would go on from it. */
        PROCESS_TEST(two_crowds_in_one_conversation_make_no_hole_and_no_double),
        PROCESS_TEST(a_killed_process_loses_nothing_it_acknowledged),
        TEST(a_message_is_read_back_by_both_as_it_was_sent),
        TEST(text_of_every_kind_and_length_is_kept),
        TEST(seq_counts_from_1_without_holes_in_each_conversation),
        TEST(sender_count_counts_what_each_has_sent),
        TEST(every_change_takes_its_owners_next_user_sequence),
        TEST(dates_never_fall_within_a_conversation),
        TEST(the_same_client_id_again_gives_the_first_message),
        TEST(another_text_or_receiver_with_the_same_client_id_is_a_conflict),
        TEST(client_ids_are_the_senders_own),
        TEST(every_client_id_is_another),
        TEST(without_a_client_id_nothing_is_a_repetition),
        TEST(the_dialog_with_the_newest_message_comes_first),
        TEST(dialogs_come_in_pages),
        TEST(a_dialog_shows_its_last_message),
        TEST(who_has_no_dialog_has_an_empty_list),
        TEST(unread_messages_are_counted_in_both_directions),
        TEST(marking_says_how_many_were_newly_read),
        TEST(marking_where_nothing_is_changes_nothing),
        TEST(a_message_is_read_when_its_receiver_has_marked_it),
        TEST(a_range_counts_back_from_the_newest),
        TEST(a_page_counted_from_a_message_does_not_shift),
        TEST(contacts_are_all_one_has_a_dialog_with),
        cmocka_unit_test(ids_of_conversations_and_messages_are_as_documented),
        cmocka_unit_test(what_is_no_url_of_a_store_is_refused),
        TEST(closing_finishes_what_was_accepted_and_tells_it_in_order),
        TEST(of_the_same_message_sent_by_many_at_once_one_is_stored),
    };
    char group[64];
    snprintf(group, sizeof(group), "message_store %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
