/* How the suites of the message store ask for changes, and check an answer as a whole. */
#ifndef TESTS_UNIT_MESSAGE_STORE_MESSAGE_STORE_CHANGES_H
#define TESTS_UNIT_MESSAGE_STORE_MESSAGE_STORE_CHANGES_H

#include <inttypes.h>

#include "tests/unit/message/store/message_store_client.h"

/* What every answer keeps to, whatever is in it. */
static inline void check_answer(const struct change_list *list, struct change_range range)
{
    uint64_t before = range.since;
    if (list->reset) {
        assert_int_equal(list->count, 0);
        assert_int_equal(list->dialogs.count, 0);
        assert_false(list->more);
        return;
    }
    assert_true(list->count <= range.max);
    for (size_t i = 0; i < list->count; i++) {
        assert_true(list->items[i].user_seq > before);
        before = list->items[i].user_seq;
    }
    assert_true(list->position >= before);
    if (list->more) {
        assert_true(list->count > 0);
        assert_int_equal(list->position, before);
    }
}

static inline struct change_list changes(struct fixture *f, const char *owner_key, uint64_t since,
                                         size_t max, bool with_dialogs)
{
    struct change_range range = { since, max, with_dialogs };
    struct change_list list;
    assert_int_equal(message_store_changes(f->store, owner_key, range, &list), STATUS_OK);
    check_answer(&list, range);
    return list;
}

/* All changes after a position, e.g. "3 new @bob hi, 4 read @bob, 5 self"; without `numbered`, "new
 * @bob hi, read @bob, self". */
static inline void assert_changes_as(struct fixture *f, const char *owner_key, uint64_t since,
                                     bool numbered, const char *expected)
{
    static const char *const kinds[] = {
        [CHANGE_NEW_MESSAGE] = "new", [CHANGE_MESSAGE_SENT] = "sent", [CHANGE_WAS_READ] = "wasRead",
        [CHANGE_READ] = "read",       [CHANGE_CONTACT] = "contact",   [CHANGE_SELF] = "self",
    };
    struct change_list list = changes(f, owner_key, since, MANY, false);
    char text[1024] = "";
    for (size_t i = 0; i < list.count; i++) {
        const struct message_change *change = &list.items[i];
        size_t length = strlen(text);
        char number[24] = "";
        if (numbered)
            snprintf(number, sizeof(number), "%" PRIu64 " ", change->user_seq);
        snprintf(text + length, sizeof(text) - length, "%s%s%s%s%s%s%s", i > 0 ? ", " : "", number,
                 kinds[change->kind], *change->peer_tag != '\0' ? " " : "", change->peer_tag,
                 change->message.text != NULL ? " " : "",
                 change->message.text != NULL ? change->message.text : "");
    }
    assert_string_equal(text, expected);
    assert_false(list.reset);
    assert_false(list.more);
    assert_int_equal(list.position, list.count > 0 ? list.items[list.count - 1].user_seq : since);
    change_list_finish(&list);
}

static inline void assert_changes(struct fixture *f, const char *owner_key, uint64_t since,
                                  const char *expected)
{
    assert_changes_as(f, owner_key, since, true, expected);
}

/* Of several processes, each of which makes a step in the numbers. */
static inline void assert_unnumbered_changes(struct fixture *f, const char *owner_key,
                                             const char *expected)
{
    assert_changes_as(f, owner_key, 0, false, expected);
}

/* A page from there ends at this position. */
static inline void assert_position(struct fixture *f, const char *owner_key, uint64_t since,
                                   uint64_t expected)
{
    struct change_list list = changes(f, owner_key, since, MANY, false);
    assert_false(list.reset);
    assert_int_equal(list.position, expected);
    change_list_finish(&list);
}

static inline void assert_reset(struct fixture *f, const char *owner_key, uint64_t since,
                                uint64_t position)
{
    for (int with_dialogs = 0; with_dialogs < 2; with_dialogs++) {
        struct change_list list = changes(f, owner_key, since, MANY, with_dialogs);
        assert_true(list.reset);
        assert_int_equal(list.position, position);
        change_list_finish(&list);
    }
}

static inline void assert_same_dialog(const struct dialog *one, const struct dialog *other)
{
    assert_string_equal(one->peer_tag, other->peer_tag);
    assert_memory_equal(one->conversation.bytes, other->conversation.bytes, ID_BYTES);
    assert_int_equal(one->unread_incoming, other->unread_incoming);
    assert_int_equal(one->unread_outgoing, other->unread_outgoing);
    assert_same_message(&one->last, &other->last);
}

/* The keys of the dialogs on a page; each is as message_store_dialogs has it. */
static inline void assert_dialogs(struct fixture *f, const char *owner_key, uint64_t since,
                                  size_t max, const char *expected)
{
    struct change_list list = changes(f, owner_key, since, max, true);
    struct dialog_list all = dialogs(f, owner_key, 0, 1000);
    char text[1024] = "";
    for (size_t i = 0; i < list.dialogs.count; i++) {
        const struct dialog *dialog = &list.dialogs.items[i];
        size_t n = 0;
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? " " : "",
                 user_of(dialog->peer_tag).key);
        while (n < all.count && strcmp(all.items[n].peer_tag, dialog->peer_tag) != 0)
            n++;
        assert_true(n < all.count);
        assert_same_dialog(dialog, &all.items[n]);
    }
    assert_string_equal(text, expected);
    dialog_list_finish(&all);
    change_list_finish(&list);
}

static inline int compare_notices(const void *one, const void *other)
{
    return strcmp(((const struct profile_notice *)one)->key,
                  ((const struct profile_notice *)other)->key);
}

/* The users notified of a new revision, by key: "amy 3, bob 7". */
static inline void assert_told(struct fixture *f, const char *tag, uint64_t revision,
                               const char *expected)
{
    struct message_profile profile = { .user = user_of(tag), .revision = revision };
    char text[1024] = "";
    assert_int_equal(message_store_note_profile(f->store, &profile), STATUS_OK);
    assert_true(profile.noted >= revision);
    assert_true((profile.noted == revision) || profile.notified_count == 0);
    if (profile.notified_count > 0)
        qsort(profile.notified, profile.notified_count, sizeof(*profile.notified), compare_notices);
    for (size_t i = 0; i < profile.notified_count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s %" PRIu64,
                 i > 0 ? ", " : "", profile.notified[i].key, profile.notified[i].user_seq);
    assert_string_equal(text, expected);
    free(profile.notified);
}

#endif
