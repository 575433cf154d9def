/*
 * services/message/store/message_store: a client that takes what it has missed in pages of any
 * size, at any time, has in the end what one has who reads everything afresh. On every kind of
 * store.
 */
#include "tests/unit/unit.h"

#include <stdatomic.h>

#include "services/common/base/log.h"
#include "tests/unit/message/store/message_store_changes.h"

/* --- a client ------------------------------------------------------------------------------ */

enum { PEOPLE = 4, CLIENTS = 6, ROOM = 400, STEPS = 160 };

static const char *const people[PEOPLE] = { "@Amy", "@bob", "@Bob_2", "@cid" };

/* What a client knows of one peer. */
struct known {
    struct message messages[ROOM]; /* by seq - 1; without a text: not heard of */
    size_t count;
    struct dialog dialog; /* without a text: none */
    uint64_t revision;    /* of the peer's profile, at the last listed change */
};

struct client {
    struct message_user user;
    uint64_t position;
    struct known peers[PEOPLE];
};

struct world {
    struct fixture *f;
    uint64_t revisions[PEOPLE];
    struct client clients[CLIENTS]; /* some of the same user */
    uint32_t random;
};

static uint32_t chance(struct world *world, uint32_t below)
{
    world->random = world->random * 1664525 + 1013904223;
    return (world->random >> 8) % below;
}

static size_t index_of(const char *tag)
{
    for (size_t i = 0; i < PEOPLE; i++)
        if (tag_same(people[i], tag))
            return i;
    fail_msg("nobody is called %s", tag);
    return 0;
}

static void learn_message(struct known *known, const struct message *message)
{
    assert_in_range(message->seq, 1, ROOM);
    struct message *place = &known->messages[message->seq - 1];
    assert_null(place->text); /* each comes once */
    *place = *message;
    place->text = strdup(message->text);
    known->count++;
}

static void learn_mark(struct known *known, const char *sender_tag)
{
    for (size_t i = 0; i < ROOM; i++)
        if (known->messages[i].text != NULL && tag_same(known->messages[i].sender_tag, sender_tag))
            known->messages[i].is_read = true;
}

static void learn_change(struct world *world, struct client *client,
                         const struct message_change *change)
{
    size_t i = index_of(change->kind == CHANGE_SELF ? client->user.tag : change->peer_tag);
    struct known *known = &client->peers[i];

    switch (change->kind) {
    case CHANGE_NEW_MESSAGE:
    case CHANGE_MESSAGE_SENT:
        assert_true(tag_same(change->message.sender_tag, client->user.tag) ==
                    (change->kind == CHANGE_MESSAGE_SENT));
        learn_message(known, &change->message);
        break;
    case CHANGE_WAS_READ:
        learn_mark(known, client->user.tag);
        break;
    case CHANGE_READ:
        learn_mark(known, change->peer_tag);
        break;
    case CHANGE_CONTACT:
    case CHANGE_SELF:
        known->revision = world->revisions[i]; /* it asks for the profile now */
        break;
    }
}

static void learn_dialog(struct client *client, const struct dialog *dialog)
{
    struct dialog *place = &client->peers[index_of(dialog->peer_tag)].dialog;
    free(place->last.text);
    *place = *dialog;
    place->last.text = strdup(dialog->last.text);
}

/* Takes one page. True while there is more. */
static bool take_page(struct world *world, struct client *client, size_t max)
{
    struct change_list list = changes(world->f, client->user.key, client->position, max, true);
    assert_false(list.reset);
    for (size_t i = 0; i < list.count; i++)
        learn_change(world, client, &list.items[i]);
    for (size_t i = 0; i < list.dialogs.count; i++)
        learn_dialog(client, &list.dialogs.items[i]);
    client->position = list.position;
    bool more = list.more;
    change_list_finish(&list);
    return more;
}

static void forget(struct client *client)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        for (size_t m = 0; m < ROOM; m++)
            free(client->peers[i].messages[m].text);
        free(client->peers[i].dialog.last.text);
    }
}

/* --- against what is there ----------------------------------------------------------------- */

static void check_peer(struct world *world, const struct client *client, size_t peer)
{
    const struct known *known = &client->peers[peer];
    struct message_list all =
        messages(world->f, client->user.key, user_of(people[peer]).key, 0, MANY, 0);
    assert_int_equal(known->count, all.count);
    for (size_t i = 0; i < all.count; i++)
        assert_same_message(&known->messages[all.items[i].seq - 1], &all.items[i]);
    if (all.count > 0)
        assert_true(known->revision == world->revisions[peer] || known->revision == 0);
    message_list_finish(&all);
}

static void check_client(struct world *world, const struct client *client)
{
    struct dialog_list all = dialogs(world->f, client->user.key, 0, 1000);
    size_t dialogs_known = 0;
    for (size_t i = 0; i < PEOPLE; i++) {
        if (!tag_same(people[i], client->user.tag))
            check_peer(world, client, i);
        dialogs_known += client->peers[i].dialog.last.text != NULL;
    }
    assert_int_equal(dialogs_known, all.count);
    for (size_t i = 0; i < all.count; i++)
        assert_same_dialog(&client->peers[index_of(all.items[i].peer_tag)].dialog, &all.items[i]);
    assert_int_equal(client->peers[index_of(client->user.tag)].revision,
                     world->revisions[index_of(client->user.tag)]);
    dialog_list_finish(&all);
}

/* --- any history --------------------------------------------------------------------------- */

static void change_something(struct world *world)
{
    size_t one = chance(world, PEOPLE), other = (one + 1 + chance(world, PEOPLE - 1)) % PEOPLE;
    uint32_t what = chance(world, 10);
    char text[16];

    if (what < 6) {
        snprintf(text, sizeof(text), "%u", chance(world, 1000000));
        put(world->f, people[one], people[other], text);
    } else if (what < 9) {
        mark_read(world->f, people[one], people[other]);
    } else {
        struct message_profile profile = { .user = user_of(people[one]),
                                           .revision = ++world->revisions[one] };
        assert_int_equal(message_store_note_profile(world->f->store, &profile), STATUS_OK);
        assert_true(profile.notified_count > 0);
        free(profile.notified);
    }
}

static void fetching_every_page_yields_every_entry(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    world->f = *state;
    world->random = 2463534242;
    for (size_t i = 0; i < CLIENTS; i++)
        world->clients[i].user = user_of(people[i % PEOPLE]);
    for (int step = 0; step < STEPS; step++) {
        change_something(world);
        if (chance(world, 3) == 0)
            take_page(world, &world->clients[chance(world, CLIENTS)], 1 + chance(world, 7));
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        while (take_page(world, &world->clients[i], 1 + chance(world, 12)))
            continue;
        check_client(world, &world->clients[i]);
        forget(&world->clients[i]);
    }
    free(world);
}

/* --- while others write -------------------------------------------------------------------- */

enum { WRITERS = 4, WRITES = 40, CHANGES_MAX = 2 * WRITERS * WRITES };

struct writers {
    struct message_store *stores[2]; /* as of two processes */
    atomic_uint next, over, failures;
    uint64_t before; /* amy's position at the begin */
    /* amy's user sequences after it: of messages, which must all be listed, and the newest */
    atomic_bool sent[CHANGES_MAX + 1];
    _Atomic uint64_t newest;
};

static void note_seq(struct writers *writers, uint64_t seq, bool is_message)
{
    uint64_t newest = writers->newest;
    if (seq == 0 && !is_message)
        return;
    seq -= writers->before;
    if (seq > CHANGES_MAX) {
        atomic_fetch_add(&writers->failures, 1);
        return;
    }
    if (is_message)
        writers->sent[seq] = true;
    while (seq > newest && !atomic_compare_exchange_weak(&writers->newest, &newest, seq))
        continue;
}

/* No cmocka in here. */
static void *write_for_amy(void *arg)
{
    static const char *const peers[WRITERS] = { "@bob", "@cid", "@bob", "@cid" };
    struct writers *writers = arg;
    unsigned me = atomic_fetch_add(&writers->next, 1);
    struct message_store *store = writers->stores[me % 2];
    for (int i = 0; i < WRITES; i++) {
        bool to_amy = (i + (int)me) % 2 == 0;
        struct message_send send =
            letter(to_amy ? peers[me] : "@amy", to_amy ? "@amy" : peers[me], "x");
        struct message_mark mark = { .reader = user_of("@amy"), .sender = user_of(peers[me]) };
        if (send_and_wait(store, &send) != STATUS_OK ||
            (i % 4 == 3 && mark_and_wait(store, &mark) != STATUS_OK))
            atomic_fetch_add(&writers->failures, 1);
        note_seq(writers, to_amy ? send.receiver_user_seq : send.sender_user_seq, true);
        note_seq(writers, mark.reader_user_seq, false);
    }
    atomic_fetch_add(&writers->over, 1);
    return NULL;
}

/* The dialogs of a page are at least as new as its messages. */
static void check_dialogs_of(const struct change_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct message *message = &list->items[i].message;
        size_t n = 0;
        while (n < list->dialogs.count &&
               strcmp(list->dialogs.items[n].peer_tag, list->items[i].peer_tag) != 0)
            n++;
        assert_true(n < list->dialogs.count);
        const struct dialog *dialog = &list->dialogs.items[n];
        assert_true(dialog->last.seq >= message->seq);
        assert_true(dialog->unread_incoming + dialog->unread_outgoing <= dialog->last.seq);
    }
}

/* Both have written, so that the numbers are consecutive from now on. Returns amy's position. */
static uint64_t begin_runs(struct fixture *f, struct message_store *const stores[2])
{
    static const char keys[1][ACCOUNT_NAME_SIZE] = { "amy" };
    uint64_t position = 0;
    for (int i = 0; i < 4; i++) {
        struct message_send send = letter(i % 2 == 0 ? "@bob" : "@cid", "@amy", "x");
        assert_int_equal(send_and_wait(stores[i / 2], &send), STATUS_OK);
    }
    assert_int_equal(message_store_positions(f->store, keys, 1, &position), STATUS_OK);
    return position;
}

static void nothing_appears_below_a_position_while_others_write(void **state)
{
    struct fixture *f = *state;
    struct writers *writers = calloc(1, sizeof(*writers));
    static bool seen[CHANGES_MAX + 1];
    pthread_t threads[WRITERS];
    bool over = false, more = true;

    assert_non_null(writers);
    memset(seen, 0, sizeof(seen));
    writers->stores[0] = f->store;
    assert_int_equal(message_store_open(f->url, &writers->stores[1]), STATUS_OK);
    uint64_t position = begin_runs(f, writers->stores);
    writers->before = position;
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_for_amy, writers), 0);
    for (size_t page = 0; !over || more; page++) {
        over = writers->over == WRITERS; /* before the page, or its end could be missed */
        struct change_list list = changes(f, "amy", position, 1 + page % 5 * 4, page % 2 == 0);
        assert_false(list.reset);
        for (size_t i = 0; i < list.count; i++) {
            uint64_t number = list.items[i].user_seq - writers->before;
            assert_in_range(number, position - writers->before + 1, CHANGES_MAX);
            seen[number] |= list.items[i].message.text != NULL;
        }
        if (page % 2 == 0)
            check_dialogs_of(&list);
        position = list.position;
        more = list.more;
        change_list_finish(&list);
    }
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    message_store_close(&writers->stores[1]);
    assert_int_equal(writers->failures, 0);
    assert_int_equal(position - writers->before, writers->newest);
    for (size_t i = 1; i <= CHANGES_MAX; i++)
        assert_int_equal(seen[i], writers->sent[i]);
    check_user(f, "@amy");
    free(writers);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(fetching_every_page_yields_every_entry),
        TEST(nothing_appears_below_a_position_while_others_write),
    };
    char group[64];
    snprintf(group, sizeof(group), "message_store_missed %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
