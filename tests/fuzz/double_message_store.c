#include "tests/fuzz/double_message_store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/message/store/message_store_kind.h"
#include "tests/fuzz/choices.h"

enum { TEXT_MAX = 16 * 1024, CONTACTS_MAX = 2500, WRITES_MAX = 16 };

static void (*on_reported)(void *ctx);
static void *on_reported_ctx;

/* --- rows ---------------------------------------------------------------------------------- */

static void name_peer(size_t number, char out[ACCOUNT_NAME_SIZE])
{
    snprintf(out, ACCOUNT_NAME_SIZE,
             number % 3 == 2 ? "@Peer%zu:65f0c10000000000000000aa" : "@p%zu", number);
}

static struct privacy make_privacy(void)
{
    unsigned byte = choices_byte();

    return (struct privacy){ (enum audience)(byte % 3), (enum audience)(byte / 3 % 3) };
}

static struct relation make_relation(void)
{
    unsigned byte = choices_byte();

    return (struct relation){ .mine = (enum relation_state)(byte % 3),
                              .theirs = (enum relation_state)(byte / 3 % 3),
                              .i_wrote = byte / 9 % 2 != 0,
                              .they_wrote = byte / 18 % 2 != 0,
                              .my_privacy = make_privacy(),
                              .their_privacy = make_privacy() };
}

static struct message make_message(const char *sender, const char *receiver, uint64_t seq)
{
    struct message message = { .date_ms = 1600000000000, .seq = seq, .sender_count = seq };

    message.id.bytes[0] = (unsigned char)seq;
    snprintf(message.sender_tag, sizeof(message.sender_tag), "%s", sender);
    snprintf(message.receiver_tag, sizeof(message.receiver_tag), "%s", receiver);
    message.text = choices_text(TEXT_MAX);
    message.is_read = choices_byte() % 2 != 0;
    return message;
}

static struct dialog make_dialog(const char *owner, const char *peer)
{
    struct dialog dialog = { .last = make_message(owner, peer, choices_number()) };

    snprintf(dialog.peer_tag, sizeof(dialog.peer_tag), "%s", peer);
    dialog.unread_incoming = choices_number();
    dialog.unread_outgoing = choices_number();
    dialog.relation = make_relation();
    return dialog;
}

/* --- life ---------------------------------------------------------------------------------- */

static void close_store(struct message_store *store)
{
    (void)store;
}

static const char *find_problem(struct message_store *store)
{
    (void)store;
    return NULL;
}

static void set_on_reported(struct message_store *store, void (*reported)(void *ctx), void *ctx)
{
    (void)store;
    on_reported = reported;
    on_reported_ctx = ctx;
}

static enum status claim(struct message_store *store, struct message_user *user,
                         const char *account_id)
{
    (void)store;
    enum status status = choices_status();
    if (status == STATUS_OK && choices_byte() % 4 == 3)
        message_user_set_later(user, account_id);
    return status;
}

/* --- writes -------------------------------------------------------------------------------- */

static struct message_send *sends[WRITES_MAX];
static struct message_mark *marks[WRITES_MAX];
static size_t send_count, mark_count;

static enum status accept_send(struct message_store *store, struct message_send *send)
{
    (void)store;
    enum status status = choices_status();
    assert(status != STATUS_OK || send_count < WRITES_MAX);
    if (status == STATUS_OK)
        sends[send_count++] = send;
    return status;
}

static enum status accept_mark(struct message_store *store, struct message_mark *mark)
{
    (void)store;
    enum status status = choices_status();
    assert(status != STATUS_OK || mark_count < WRITES_MAX);
    if (status == STATUS_OK)
        marks[mark_count++] = mark;
    return status;
}

static void finish_send(struct message_send *send)
{
    unsigned flags = choices_byte();

    send->id.bytes[0] = 1;
    send->date_ms = send->now_ms;
    send->seq = choices_number();
    send->receiver_seq = send->seq;
    send->relation = make_relation();
    send->withheld = flags % 2 != 0;
    send->is_first = flags / 2 % 2 != 0;
    send->repeated = flags / 4 % 2 != 0;
    send->is_read = flags / 8 % 2 != 0;
    send->sender_user_seq = send->repeated ? 0 : choices_number();
    send->receiver_user_seq = send->repeated ? 0 : choices_number();
    send->done(send, choices_status());
}

static void finish_mark(struct message_mark *mark)
{
    mark->has_dialog = choices_byte() % 4 != 3;
    mark->newly_read = mark->has_dialog ? choices_number() : 0;
    if (mark->has_dialog) {
        snprintf(mark->sender_tag, sizeof(mark->sender_tag), "@%s", mark->sender.key);
        snprintf(mark->reader_tag, sizeof(mark->reader_tag), "@%s", mark->reader.key);
    }
    mark->reader_user_seq = mark->newly_read > 0 ? choices_number() : 0;
    mark->sender_user_seq = mark->newly_read > 0 ? choices_number() : 0;
    mark->done(mark, choices_status());
}

void double_message_store_finish(void)
{
    for (size_t i = 0; i < send_count; i++)
        finish_send(sends[i]);
    for (size_t i = 0; i < mark_count; i++)
        finish_mark(marks[i]);
    send_count = mark_count = 0;
    if (on_reported != NULL)
        on_reported(on_reported_ctx);
}

/* --- reads --------------------------------------------------------------------------------- */

static enum status dialogs(struct message_store *store, const char *owner_key, uint32_t start,
                           uint32_t end, struct dialog_list *list_out)
{
    (void)store;
    char peer[ACCOUNT_NAME_SIZE], owner[ACCOUNT_NAME_SIZE + 1];
    enum status status = choices_status();

    *list_out = (struct dialog_list){ .items = NULL };
    if (status != STATUS_OK)
        return status;
    snprintf(owner, sizeof(owner), "@%s", owner_key);
    list_out->count = choices_count(end - start);
    list_out->items = xcalloc(list_out->count, sizeof(*list_out->items));
    for (size_t i = 0; i < list_out->count; i++) {
        name_peer(i, peer);
        list_out->items[i] = make_dialog(owner, peer);
    }
    return STATUS_OK;
}

static enum status messages(struct message_store *store, const char *owner_key,
                            const char *peer_key, struct message_range range,
                            struct message_list *list_out)
{
    (void)store;
    char owner[ACCOUNT_NAME_SIZE + 1], peer[ACCOUNT_NAME_SIZE + 1];
    enum status status = choices_status();

    *list_out = (struct message_list){ .items = NULL };
    if (status != STATUS_OK)
        return status;
    snprintf(owner, sizeof(owner), "@%s", owner_key);
    snprintf(peer, sizeof(peer), "@%s", peer_key);
    uint64_t newest = range.newest_seq > 0 ? range.newest_seq : 1000;
    list_out->count = choices_count(range.end - range.start);
    if (list_out->count > newest)
        list_out->count = (size_t)newest;
    list_out->items = xcalloc(list_out->count, sizeof(*list_out->items));
    for (size_t i = 0; i < list_out->count; i++)
        list_out->items[i] = i % 2 == 0 ? make_message(owner, peer, newest - i)
                                        : make_message(peer, owner, newest - i);
    return STATUS_OK;
}

static enum status contacts(struct message_store *store, const char *owner_key,
                            struct message_contacts *contacts_out)
{
    (void)store;
    (void)owner_key;
    enum status status = choices_status();
    *contacts_out = (struct message_contacts){ .items = NULL };
    if (status != STATUS_OK)
        return status;
    contacts_out->count = choices_count(CONTACTS_MAX);
    contacts_out->items = xcalloc(contacts_out->count, sizeof(*contacts_out->items));
    for (size_t i = 0; i < contacts_out->count; i++) {
        struct message_contact *contact = &contacts_out->items[i];
        name_peer(i, contact->tag);
        assert(account_name_to_key(contact->tag, contact->key));
        contact->relation = make_relation();
    }
    return STATUS_OK;
}

/* --- relations ----------------------------------------------------------------------------- */

static enum status relate(struct message_store *store, struct relation_change *change)
{
    (void)store;
    change->changed = choices_byte() % 2 == 0;
    return choices_status();
}

static enum status blocked(struct message_store *store, const char *owner_key,
                           struct blocked_list *list_out)
{
    (void)store;
    (void)owner_key;
    enum status status = choices_status();
    *list_out = (struct blocked_list){ .items = NULL };
    if (status != STATUS_OK)
        return status;
    list_out->count = choices_count(RELATIONS_MAX);
    list_out->items = xcalloc(list_out->count, sizeof(*list_out->items));
    for (size_t i = 0; i < list_out->count; i++)
        name_peer(i, list_out->items[i].tag);
    return STATUS_OK;
}

static enum status relations(struct message_store *store, const char *owner_key,
                             const char (*keys)[ACCOUNT_NAME_SIZE], size_t count,
                             struct relation *relations_out)
{
    (void)store;
    (void)owner_key;
    (void)keys;
    for (size_t i = 0; i < count; i++)
        relations_out[i] = make_relation();
    return choices_status();
}

static enum status privacy(struct message_store *store, const char *key,
                           struct privacy *privacy_out)
{
    (void)store;
    (void)key;
    *privacy_out = make_privacy();
    return choices_status();
}

static enum status set_privacy(struct message_store *store, const struct message_user *user,
                               struct privacy wanted)
{
    (void)store;
    (void)user;
    (void)wanted;
    return choices_status();
}

/* --- changes ------------------------------------------------------------------------------- */

static enum status epoch(struct message_store *store, char *epoch_out)
{
    (void)store;
    snprintf(epoch_out, EPOCH_SIZE, "%s", "0123456789abcdef");
    return choices_status();
}

/* Each dialog once, in the order of its first change. */
static void add_dialog(struct change_list *list, const char *owner, const char *peer)
{
    for (size_t i = 0; i < list->dialogs.count; i++)
        if (strcmp(list->dialogs.items[i].peer_tag, peer) == 0)
            return;
    list->dialogs.items[list->dialogs.count++] = make_dialog(owner, peer);
}

static struct message_change make_change(uint64_t user_seq, const char *owner)
{
    struct message_change change = { .user_seq = user_seq,
                                     .kind = (enum change_kind)choices_below(CHANGE_SELF + 1) };

    if (change.kind != CHANGE_SELF)
        name_peer(choices_byte(), change.peer_tag);
    if (change.kind == CHANGE_NEW_MESSAGE)
        change.message = make_message(change.peer_tag, owner, user_seq);
    if (change.kind == CHANGE_MESSAGE_SENT)
        change.message = make_message(owner, change.peer_tag, user_seq);
    return change;
}

static enum status changes(struct message_store *store, const char *owner_key,
                           struct change_range range, struct change_list *list_out)
{
    (void)store;
    char owner[ACCOUNT_NAME_SIZE + 1];
    enum status status = choices_status();

    *list_out = (struct change_list){ .position = choices_number() };
    if (status != STATUS_OK)
        return status;
    list_out->reset = range.since > INT64_MAX || choices_byte() % 8 == 7;
    if (list_out->reset)
        return STATUS_OK;
    snprintf(owner, sizeof(owner), "@%s", owner_key);
    list_out->count = choices_count(range.max);
    list_out->items = xcalloc(list_out->count, sizeof(*list_out->items));
    list_out->dialogs.items = xcalloc(list_out->count, sizeof(*list_out->dialogs.items));
    for (size_t i = 0; i < list_out->count; i++) {
        struct message_change *change = &list_out->items[i];
        *change = make_change(range.since % 1000 + i + 1, owner);
        list_out->position = change->user_seq;
        if (range.dialogs && change->kind != CHANGE_SELF)
            add_dialog(list_out, owner, change->peer_tag);
    }
    list_out->more = choices_byte() % 4 == 3 && list_out->count > 0;
    return STATUS_OK;
}

static enum status positions(struct message_store *store, const char (*keys)[ACCOUNT_NAME_SIZE],
                             size_t count, uint64_t *positions_out)
{
    (void)store;
    (void)keys;
    for (size_t i = 0; i < count; i++)
        positions_out[i] = choices_number();
    return choices_status();
}

static enum status note_profile(struct message_store *store, struct message_profile *profile)
{
    (void)store;
    enum status status = choices_status();
    profile->noted = profile->revision;
    if (status != STATUS_OK)
        return status;
    profile->notified_count = choices_count(CONTACTS_MAX);
    profile->notified = xcalloc(profile->notified_count, sizeof(*profile->notified));
    for (size_t i = 0; i < profile->notified_count; i++) {
        char tag[ACCOUNT_NAME_SIZE];
        name_peer(i, tag);
        snprintf(profile->notified[i].key, sizeof(profile->notified[i].key), "%s",
                 i == 0 ? profile->user.key : tag + 1);
        profile->notified[i].user_seq = choices_number();
    }
    return STATUS_OK;
}

/* --- deletion and quotas -----------------------------------------------------------------------
 */

static enum status erase(struct message_store *store, struct message_erasure *erasure)
{
    (void)store;
    erasure->begun = true;
    erasure->erased += choices_byte();
    erasure->is_over = choices_byte() % 4 != 3;
    return choices_status();
}

static enum status add_usage(struct message_store *store, struct message_usage *usages,
                             size_t count)
{
    (void)store;
    for (size_t i = 0; i < count; i++)
        usages[i].total = (int64_t)choices_number();
    return choices_status();
}

/* What is missing is called by no handler. */
static enum status purge(struct message_store *store)
{
    (void)store;
    return choices_status();
}

static const struct message_store_kind kind = {
    .scheme = "double",
    .close = close_store,
    .problem = find_problem,
    .on_reported = set_on_reported,
    .claim = claim,
    .send = accept_send,
    .mark_read = accept_mark,
    .dialogs = dialogs,
    .messages = messages,
    .contacts = contacts,
    .relate = relate,
    .blocked = blocked,
    .relations = relations,
    .privacy = privacy,
    .set_privacy = set_privacy,
    .epoch = epoch,
    .changes = changes,
    .positions = positions,
    .note_profile = note_profile,
    .erase = erase,
    .purge = purge,
    .add_usage = add_usage,
};

struct message_store *double_message_store(void)
{
    static struct message_store store = { &kind };

    return &store;
}
