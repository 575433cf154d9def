/* services/message/store/message_store: blocking, adding, privacy, and what is withheld. */
#include "tests/unit/unit.h"

#include "services/common/base/log.h"
#include "tests/unit/message/store/message_store_client.h"

static bool decide(struct fixture *f, const char *owner, const char *peer,
                   enum relation_action action, enum status expected)
{
    static int64_t now_ms = 1600000000000;
    struct relation_change change = {
        .owner = user_of(owner), .peer = user_of(peer), .action = action, .now_ms = ++now_ms
    };
    assert_int_equal(message_store_relate(f->store, &change), expected);
    return change.changed;
}

static struct relation relation_of(struct fixture *f, const char *owner, const char *peer)
{
    struct message_user users[2] = { user_of(owner), user_of(peer) };
    char keys[1][ACCOUNT_NAME_SIZE];
    struct relation relation;
    memcpy(keys[0], users[1].key, sizeof(keys[0]));
    assert_int_equal(message_store_relations(f->store, users[0].key,
                                             (const char(*)[ACCOUNT_NAME_SIZE])keys, 1, &relation),
                     STATUS_OK);
    return relation;
}

static void show(struct fixture *f, const char *tag, enum audience online, enum audience marks)
{
    struct message_user user = user_of(tag);
    assert_int_equal(message_store_set_privacy(f->store, &user, (struct privacy){ online, marks }),
                     STATUS_OK);
}

static enum status try_put(struct fixture *f, const char *from, const char *to, const char *text)
{
    struct message_send send = letter(from, to, text);
    return send_and_wait(f->store, &send);
}

static void assert_view(struct fixture *f, const char *owner_key, const char *peer_key,
                        const char *expected)
{
    assert_texts(f, owner_key, peer_key,
                 (struct message_range){ .start = 0, .end = 1000, .newest_seq = 0 }, expected);
}

/* --- decisions ----------------------------------------------------------------------------- */

static void a_decision_is_seen_by_both(void **state)
{
    struct fixture *f = *state;
    assert_true(decide(f, "@Amy", "@Bob", RELATION_BLOCK, STATUS_OK));
    assert_false(decide(f, "@Amy", "@Bob", RELATION_BLOCK, STATUS_OK));
    assert_int_equal(relation_of(f, "@amy", "@bob").mine, RELATION_BLOCKED);
    assert_int_equal(relation_of(f, "@amy", "@bob").theirs, RELATION_NONE);
    assert_int_equal(relation_of(f, "@bob", "@amy").theirs, RELATION_BLOCKED);
    assert_false(decide(f, "@Amy", "@Bob", RELATION_ADD, STATUS_FORBIDDEN));
    assert_false(decide(f, "@Amy", "@Bob", RELATION_REMOVE, STATUS_OK));
    assert_true(decide(f, "@Amy", "@Bob", RELATION_UNBLOCK, STATUS_OK));
    assert_true(decide(f, "@Amy", "@Bob", RELATION_ADD, STATUS_OK));
    assert_int_equal(relation_of(f, "@amy", "@bob").mine, RELATION_ADDED);
    reopen(f);
    assert_int_equal(relation_of(f, "@bob", "@amy").theirs, RELATION_ADDED);
}

static void relations_say_who_has_written(void **state)
{
    struct fixture *f = *state;
    put(f, "@amy", "@bob", "x");
    assert_true(relation_of(f, "@amy", "@bob").i_wrote);
    assert_false(relation_of(f, "@amy", "@bob").they_wrote);
    assert_true(relation_of(f, "@bob", "@amy").they_wrote);
    put(f, "@bob", "@amy", "y");
    assert_true(relation_of(f, "@amy", "@bob").they_wrote);
    assert_false(relation_of(f, "@amy", "@nobody").i_wrote);
}

static void the_blocked_are_listed_the_last_first(void **state)
{
    struct fixture *f = *state;
    struct blocked_list list;
    decide(f, "@amy", "@Bob", RELATION_BLOCK, STATUS_OK);
    decide(f, "@amy", "@cid", RELATION_ADD, STATUS_OK);
    decide(f, "@amy", "@dan", RELATION_BLOCK, STATUS_OK);
    decide(f, "@bob", "@amy", RELATION_BLOCK, STATUS_OK);
    assert_int_equal(message_store_blocked(f->store, "amy", &list), STATUS_OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].tag, "@dan");
    assert_string_equal(list.items[1].tag, "@Bob");
    assert_true(list.items[0].since_ms > list.items[1].since_ms);
    blocked_list_finish(&list);
    assert_int_equal(message_store_blocked(f->store, "nobody", &list), STATUS_OK);
    assert_int_equal(list.count, 0);
    blocked_list_finish(&list);
}

static void privacy_is_kept_and_shown_in_relations(void **state)
{
    struct fixture *f = *state;
    struct privacy privacy;
    assert_int_equal(message_store_privacy(f->store, "amy", &privacy), STATUS_OK);
    assert_int_equal(privacy.online, AUDIENCE_EVERYONE);
    assert_int_equal(privacy.read_marks, AUDIENCE_EVERYONE);
    show(f, "@amy", AUDIENCE_CONTACTS, AUDIENCE_NOBODY);
    reopen(f);
    assert_int_equal(message_store_privacy(f->store, "amy", &privacy), STATUS_OK);
    assert_int_equal(privacy.online, AUDIENCE_CONTACTS);
    assert_int_equal(privacy.read_marks, AUDIENCE_NOBODY);
    assert_int_equal(relation_of(f, "@nobody", "@amy").their_privacy.online, AUDIENCE_CONTACTS);
    put(f, "@bob", "@amy", "x");
    struct dialog_list list = dialogs(f, "bob", 0, 1);
    assert_int_equal(list.items[0].relation.their_privacy.online, AUDIENCE_CONTACTS);
    dialog_list_finish(&list);
}

/* --- what is withheld ---------------------------------------------------------------------- */

static void a_message_of_one_who_is_blocked_is_for_its_sender_alone(void **state)
{
    struct fixture *f = *state;
    decide(f, "@amy", "@bob", RELATION_BLOCK, STATUS_OK);
    struct message_send send = put(f, "@bob", "@amy", "1");
    assert_true(send.withheld);
    assert_int_equal(send.seq, 1);
    assert_int_equal(send.receiver_user_seq, 0);
    assert_int_not_equal(send.sender_user_seq, 0);
    assert_view(f, "bob", "amy", "1");
    assert_view(f, "amy", "bob", "");
    assert_peers(f, "amy", 0, 10, "");
    assert_peers(f, "bob", 0, 10, "@amy");
    assert_unread(f, "bob", 0, 1);
    decide(f, "@amy", "@bob", RELATION_UNBLOCK, STATUS_OK);
    assert_view(f, "amy", "bob", "");
    send = put(f, "@bob", "@amy", "2");
    assert_false(send.withheld);
    assert_int_equal(send.seq, 2);
    assert_int_equal(send.receiver_seq, 1);
    assert_view(f, "amy", "bob", "2");
    assert_view(f, "bob", "amy", "2 1");
    assert_unread(f, "amy", 1, 0);
    assert_unread(f, "bob", 0, 2);
}

static void who_was_blocked_may_be_answered_afterwards(void **state)
{
    struct fixture *f = *state;
    decide(f, "@amy", "@bob", RELATION_BLOCK, STATUS_OK);
    put(f, "@bob", "@amy", "1");
    put(f, "@bob", "@amy", "2");
    decide(f, "@amy", "@bob", RELATION_UNBLOCK, STATUS_OK);
    struct message_send send = put(f, "@amy", "@bob", "3");
    assert_int_equal(send.seq, 1);
    assert_int_equal(send.receiver_seq, 3);
    assert_view(f, "amy", "bob", "3");
    assert_view(f, "bob", "amy", "3 2 1");
}

static void nobody_writes_to_one_whom_they_have_blocked(void **state)
{
    struct fixture *f = *state;
    put_with_id(f, "@amy", "@bob", "before", "c1", STATUS_OK);
    decide(f, "@amy", "@bob", RELATION_BLOCK, STATUS_OK);
    assert_int_equal(try_put(f, "@amy", "@bob", "x"), STATUS_FORBIDDEN);
    put_with_id(f, "@amy", "@bob", "x", "c2", STATUS_FORBIDDEN);
    assert_true(put_with_id(f, "@amy", "@bob", "before", "c1", STATUS_OK).repeated);
    put_with_id(f, "@amy", "@bob", "another", "c1", STATUS_CONFLICT);
    assert_view(f, "bob", "amy", "before");
    decide(f, "@amy", "@bob", RELATION_UNBLOCK, STATUS_OK);
    put_with_id(f, "@amy", "@bob", "x", "c2", STATUS_OK);
    assert_view(f, "bob", "amy", "x before");
}

static void a_withheld_message_sent_again_is_not_delivered_later(void **state)
{
    struct fixture *f = *state;
    decide(f, "@amy", "@bob", RELATION_BLOCK, STATUS_OK);
    struct message_send first = put_with_id(f, "@bob", "@amy", "x", "c", STATUS_OK);
    decide(f, "@amy", "@bob", RELATION_UNBLOCK, STATUS_OK);
    struct message_send again = put_with_id(f, "@bob", "@amy", "x", "c", STATUS_OK);
    assert_true(again.repeated);
    assert_true(again.withheld);
    assert_false(again.is_read);
    assert_int_equal(again.seq, first.seq);
    assert_memory_equal(again.id.bytes, first.id.bytes, ID_BYTES);
    assert_view(f, "amy", "bob", "");
}

static void changes_leave_out_what_is_withheld(void **state)
{
    struct fixture *f = *state;
    struct change_list list;
    put(f, "@bob", "@amy", "1");
    decide(f, "@amy", "@bob", RELATION_BLOCK, STATUS_OK);
    put(f, "@bob", "@amy", "2");
    put(f, "@bob", "@amy", "3");
    decide(f, "@amy", "@bob", RELATION_UNBLOCK, STATUS_OK);
    put(f, "@amy", "@bob", "4");
    put(f, "@bob", "@amy", "5");
    assert_int_equal(
        message_store_changes(f->store, "amy", (struct change_range){ 0, 10, true }, &list),
        STATUS_OK);
    assert_int_equal(list.count, 3);
    static const char *const texts[] = { "1", "4", "5" };
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(list.items[i].message.text, texts[i]);
        assert_int_equal(list.items[i].message.seq, i + 1);
        assert_int_equal(list.items[i].user_seq, i + 1);
    }
    assert_int_equal(list.dialogs.count, 1);
    assert_int_equal(list.dialogs.items[0].last.seq, 3);
    assert_int_equal(list.dialogs.items[0].unread_incoming, 2);
    change_list_finish(&list);
    for (uint64_t since = 0; since < 3; since++) {
        assert_int_equal(
            message_store_changes(f->store, "amy", (struct change_range){ since, 1, false }, &list),
            STATUS_OK);
        assert_string_equal(list.items[0].message.text, texts[since]);
        assert_int_equal(list.items[0].message.seq, since + 1);
        change_list_finish(&list);
    }
    assert_int_equal(
        message_store_changes(f->store, "bob", (struct change_range){ 0, 10, false }, &list),
        STATUS_OK);
    assert_int_equal(list.count, 5);
    assert_int_equal(list.items[4].message.seq, 5);
    change_list_finish(&list);
}

/* --- secret marks -------------------------------------------------------------------------- */

static void a_secret_mark_is_for_its_reader_alone(void **state)
{
    struct fixture *f = *state;
    put(f, "@bob", "@amy", "1");
    put(f, "@amy", "@bob", "2");
    show(f, "@amy", AUDIENCE_EVERYONE, AUDIENCE_NOBODY);
    struct message_mark mark = mark_read(f, "@amy", "@bob");
    assert_int_equal(mark.newly_read, 1);
    assert_int_not_equal(mark.reader_user_seq, 0);
    assert_int_equal(mark.sender_user_seq, 0);
    assert_unread(f, "amy", 0, 1);
    assert_unread(f, "bob", 1, 1);
    reopen(f);
    struct message_list list = messages(f, "bob", "amy", 0, 10, 0);
    assert_false(list.items[1].is_read);
    message_list_finish(&list);
    list = messages(f, "amy", "bob", 0, 10, 0);
    assert_true(list.items[1].is_read);
    message_list_finish(&list);
    show(f, "@amy", AUDIENCE_EVERYONE, AUDIENCE_EVERYONE);
    put(f, "@bob", "@amy", "3");
    mark_read(f, "@amy", "@bob"); /* shows the earlier ones, too */
    assert_unread(f, "bob", 1, 0);
}

/* --- all of it, against a model ------------------------------------------------------------ */

enum { USERS = 3, STEPS = 300, LETTERS_MAX = STEPS };

static const char *const names[USERS] = { "@amy", "@bob", "@cid" };

struct model_message {
    int sender, receiver;
    bool withheld, read, shown;
    char text[16];
};

struct model {
    struct model_message letters[LETTERS_MAX];
    int count;
    bool blocked[USERS][USERS];
    bool hides_marks[USERS];
};

static unsigned pick(unsigned *seed, unsigned below)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % below;
}

/* The messages that the owner sees of a conversation, oldest first. */
static int view_of(struct model *model, int owner, int peer, struct model_message **view)
{
    int n = 0;
    for (int i = 0; i < model->count; i++) {
        struct model_message *letter = &model->letters[i];
        bool mine = letter->sender == owner && letter->receiver == peer;
        bool theirs = letter->sender == peer && letter->receiver == owner;
        if (mine || (theirs && !letter->withheld))
            view[n++] = letter;
    }
    return n;
}

static void check_view(struct fixture *f, struct model *model, int owner, int peer, unsigned *seed)
{
    static struct model_message *view[LETTERS_MAX];
    int n = view_of(model, owner, peer, view);
    uint32_t start = pick(seed, 6), end = start + 1 + pick(seed, 12);
    uint64_t newest = pick(seed, 2) == 0 ? 0 : 1 + pick(seed, (unsigned)n + 3);
    int last = newest > 0 && (int)newest < n ? (int)newest : n;
    struct message_list list = messages(f, names[owner] + 1, names[peer] + 1, start, end, newest);
    int expected = last - (int)start;
    expected = expected < 0 ? 0 : expected;
    expected = expected > (int)(end - start) ? (int)(end - start) : expected;
    assert_int_equal(list.count, expected);
    for (int i = 0; i < expected; i++) {
        const struct model_message *letter = view[last - (int)start - 1 - i];
        bool mine = letter->sender == owner;
        assert_string_equal(list.items[i].text, letter->text);
        assert_int_equal(list.items[i].seq, last - (int)start - i);
        assert_int_equal(list.items[i].is_read, mine ? letter->shown : letter->read);
    }
    message_list_finish(&list);
}

static void check_dialogs(struct fixture *f, struct model *model, int owner)
{
    static struct model_message *view[LETTERS_MAX];
    struct dialog_list list = dialogs(f, names[owner] + 1, 0, 10);
    size_t expected = 0;
    for (int peer = 0; peer < USERS; peer++)
        expected += peer != owner && view_of(model, owner, peer, view) > 0;
    assert_int_equal(list.count, expected);
    for (size_t i = 0; i < list.count; i++) {
        const struct dialog *dialog = &list.items[i];
        uint64_t incoming = 0, outgoing = 0;
        int peer = 0;
        while (strcmp(names[peer], dialog->peer_tag) != 0)
            peer++;
        int n = view_of(model, owner, peer, view);
        for (int m = 0; m < n; m++) {
            incoming += view[m]->sender == peer && !view[m]->read;
            outgoing += view[m]->sender == owner && !view[m]->shown;
        }
        assert_string_equal(dialog->last.text, view[n - 1]->text);
        assert_int_equal(dialog->last.seq, n);
        assert_int_equal(dialog->unread_incoming, incoming);
        assert_int_equal(dialog->unread_outgoing, outgoing);
        assert_int_equal(dialog->relation.mine == RELATION_BLOCKED, model->blocked[owner][peer]);
    }
    dialog_list_finish(&list);
}

/* Of all changes, the messages; in pages. */
static void check_changes(struct fixture *f, struct model *model, int owner, unsigned *seed)
{
    uint64_t since = 0;
    size_t seen[USERS] = { 0 };
    bool more = true;
    while (more) {
        struct change_list list;
        assert_int_equal(
            message_store_changes(f->store, names[owner] + 1,
                                  (struct change_range){ since, 1 + pick(seed, 20), true }, &list),
            STATUS_OK);
        assert_false(list.reset);
        for (size_t i = 0; i < list.count; i++) {
            const struct message_change *change = &list.items[i];
            if (change->message.text == NULL)
                continue;
            static struct model_message *view[LETTERS_MAX];
            int peer = 0;
            while (strcmp(names[peer], change->peer_tag) != 0)
                peer++;
            assert_true((int)seen[peer] < view_of(model, owner, peer, view));
            assert_string_equal(change->message.text, view[seen[peer]]->text);
            assert_int_equal(change->message.seq, ++seen[peer]);
        }
        more = list.more;
        since = list.position;
        change_list_finish(&list);
    }
    for (int peer = 0; peer < USERS; peer++) {
        static struct model_message *view[LETTERS_MAX];
        assert_int_equal(seen[peer], peer == owner ? 0 : view_of(model, owner, peer, view));
    }
}

static void send_one(struct fixture *f, struct model *model, int from, int to)
{
    struct model_message *letter = &model->letters[model->count];
    static struct model_message *view[LETTERS_MAX];
    *letter = (struct model_message){ from, to, model->blocked[to][from], false, false, "" };
    snprintf(letter->text, sizeof(letter->text), "%d", model->count);
    struct message_send send = { 0 };
    send = (struct message_send){ .sender = user_of(names[from]),
                                  .receiver = user_of(names[to]),
                                  .text = letter->text,
                                  .client_message_id = model->count % 2 == 0 ? letter->text : "",
                                  .now_ms = 1600000000000 + model->count };
    enum status status = send_and_wait(f->store, &send);
    assert_int_equal(status, model->blocked[from][to] ? STATUS_FORBIDDEN : STATUS_OK);
    if (status != STATUS_OK)
        return;
    model->count++;
    assert_int_equal(send.withheld, letter->withheld);
    assert_int_equal(send.seq, view_of(model, from, to, view));
    if (!letter->withheld)
        assert_int_equal(send.receiver_seq, view_of(model, to, from, view));
}

static void mark_some(struct fixture *f, struct model *model, int reader, int sender,
                      unsigned *seed)
{
    static struct model_message *view[LETTERS_MAX];
    int n = view_of(model, reader, sender, view);
    uint64_t up_to = pick(seed, 2) == 0 ? 0 : 1 + pick(seed, (unsigned)n + 2);
    bool is_shown = !model->hides_marks[reader] && !model->blocked[reader][sender] &&
                    !model->blocked[sender][reader];
    uint64_t newly = mark_up_to(f, names[reader], names[sender], up_to), expected = 0;
    int last = -1;
    for (int i = 0; i < n && (up_to == 0 || i < (int)up_to); i++) {
        if (view[i]->sender != sender)
            continue;
        expected += !view[i]->read;
        view[i]->read = true;
        last = i;
    }
    assert_int_equal(newly, expected);
    for (int i = 0; i <= last && newly > 0 && is_shown; i++)
        if (view[i]->sender == sender)
            view[i]->shown = true;
}

static void views_agree_with_a_model_after_any_steps(void **state)
{
    struct fixture *f = *state;
    static struct model model;
    unsigned seed = 7;
    memset(&model, 0, sizeof(model));
    for (int step = 0; step < STEPS; step++) {
        int one = (int)pick(&seed, USERS), other = (one + 1 + (int)pick(&seed, USERS - 1)) % USERS;
        switch (pick(&seed, 8)) {
        case 0:
            decide(f, names[one], names[other], RELATION_BLOCK, STATUS_OK);
            model.blocked[one][other] = true;
            break;
        case 1:
        case 2:
            decide(f, names[one], names[other], RELATION_UNBLOCK, STATUS_OK);
            model.blocked[one][other] = false;
            break;
        case 3:
            model.hides_marks[one] = !model.hides_marks[one];
            show(f, names[one], AUDIENCE_EVERYONE,
                 model.hides_marks[one] ? AUDIENCE_NOBODY : AUDIENCE_EVERYONE);
            break;
        case 4:
            mark_some(f, &model, one, other, &seed);
            break;
        default:
            send_one(f, &model, one, other);
        }
        check_view(f, &model, one, other, &seed);
        check_view(f, &model, other, one, &seed);
        check_dialogs(f, &model, one);
        if (step % 20 == 0)
            check_changes(f, &model, one, &seed);
    }
    for (int user = 0; user < USERS; user++)
        check_changes(f, &model, user, &seed);
}

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_decision_is_seen_by_both, set_up, tear_down),
        cmocka_unit_test_setup_teardown(relations_say_who_has_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_blocked_are_listed_the_last_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(privacy_is_kept_and_shown_in_relations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_of_one_who_is_blocked_is_for_its_sender_alone,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_was_blocked_may_be_answered_afterwards, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nobody_writes_to_one_whom_they_have_blocked, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_withheld_message_sent_again_is_not_delivered_later,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(changes_leave_out_what_is_withheld, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_mark_is_for_its_reader_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(views_agree_with_a_model_after_any_steps, set_up,
                                        tear_down),
    };
    char group[64];
    snprintf(group, sizeof(group), "message_store relations %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
