#include "services/messengerctl/stores/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/messengerctl/console.h"
#include "services/messengerctl/stores/pairs.h"
#include "services/messengerctl/stores/progress.h"
#include "services/messengerctl/stores/tally.h"

enum { CHUNK = 256, NAME_SIZE = 2 * ACCOUNT_NAME_SIZE + 64 };

struct verification {
    struct installation *a, *b;
    struct progress progress;
    struct tally users, images, revoked, sessions, codes, dialogs, messages, sequences, relations,
        privacies;
    char owner_key[ACCOUNT_NAME_SIZE]; /* the owner whose user sequence was compared last */
};

/* At least one of the two exists. */
static const void *either(const void *one, const void *other)
{
    return one != NULL ? one : other;
}

/* --- users --------------------------------------------------------------------------------- */

static void compare_text(struct tally *tally, const char *tag, const char *what, const char *one,
                         const char *other)
{
    if (strcmp(one, other) != 0)
        tally_difference(tally, "user %s: the %s differs", tag, what);
}

static enum status take_user(void *ctx, const void *one, const void *other)
{
    struct verification *v = ctx;
    const struct user *a = one, *b = other;
    char name[NAME_SIZE];

    snprintf(name, sizeof(name), "user %s", ((const struct user *)either(one, other))->tag);
    tally_count(&v->users, a, b, name);
    progress_add(&v->progress, a != NULL);
    if (a == NULL || b == NULL)
        return STATUS_OK;
    if (memcmp(a->id.bytes, b->id.bytes, ID_BYTES) != 0)
        tally_difference(&v->users, "user %s: the id differs", a->tag);
    compare_text(&v->users, a->tag, "case of the tag", a->tag, b->tag);
    compare_text(&v->users, a->tag, "first name", a->first_name, b->first_name);
    compare_text(&v->users, a->tag, "last name", a->last_name, b->last_name);
    compare_text(&v->users, a->tag, "picture", a->img, b->img);
    compare_text(&v->users, a->tag, "e-mail", a->email, b->email);
    compare_text(&v->users, a->tag, "e-mail to log in with", a->email_key, b->email_key);
    compare_text(&v->users, a->tag, "password hash", a->password_hash, b->password_hash);
    compare_text(&v->users, a->tag, "session that was kept", a->kept_session, b->kept_session);
    if (a->session_epoch != b->session_epoch)
        tally_difference(&v->users, "user %s: the end of sessions differs", a->tag);
    if (a->disabled != b->disabled)
        tally_difference(&v->users, "user %s: is disabled in one only", a->tag);
    return STATUS_OK;
}

/* --- pictures ------------------------------------------------------------------------------ */

struct picture {
    char *content_type;
    void *data;
    size_t size;
};

static enum status get_picture(const struct installation *installation, const char *name,
                               struct picture *picture)
{
    enum status status = user_store_get_image(installation->users, name, &picture->content_type,
                                              &picture->data, &picture->size);

    return status == STATUS_OK ? status
                               : installation_failed(installation, status, "reading a picture");
}

static void finish_picture(struct picture *picture)
{
    free(picture->content_type);
    free(picture->data);
}

static enum status take_image(void *ctx, const void *one, const void *other)
{
    struct verification *v = ctx;
    const char *file = ((const struct user_image_name *)either(one, other))->name;
    struct picture a = { 0 }, b = { 0 };
    char name[NAME_SIZE];

    snprintf(name, sizeof(name), "picture %s", file);
    tally_count(&v->images, one, other, name);
    progress_add(&v->progress, one != NULL);
    if (one == NULL || other == NULL)
        return STATUS_OK;
    enum status status = get_picture(v->a, file, &a);
    if (status == STATUS_OK)
        status = get_picture(v->b, file, &b);
    if (status == STATUS_OK) {
        if (strcmp(a.content_type, b.content_type) != 0)
            tally_difference(&v->images, "%s: the type differs", name);
        if (a.size != b.size || memcmp(a.data, b.data, a.size) != 0)
            tally_difference(&v->images, "%s: the content differs", name);
    }
    finish_picture(&a);
    finish_picture(&b);
    return status;
}

/* --- revoked tokens ------------------------------------------------------------------------ */

/* One that has expired is as good as one that is forgotten. */
static const struct revoked_token *unless_expired(const struct revoked_token *token)
{
    return token != NULL && token->expires_at_s > clock_wall_ms() / 1000 ? token : NULL;
}

static enum status take_revoked(void *ctx, const void *one, const void *other)
{
    struct verification *v = ctx;
    const struct revoked_token *a = unless_expired(one), *b = unless_expired(other);
    char name[NAME_SIZE];

    progress_add(&v->progress, one != NULL);
    if (a == NULL && b == NULL)
        return STATUS_OK;
    snprintf(name, sizeof(name), "revoked token %s",
             ((const struct revoked_token *)either(one, other))->jti);
    tally_count(&v->revoked, a, b, name);
    if (a != NULL && b != NULL && a->expires_at_s != b->expires_at_s)
        tally_difference(&v->revoked, "%s: the end differs", name);
    return STATUS_OK;
}

/* --- sessions ------------------------------------------------------------------------------ */

static const struct user_session *unless_over(const struct user_session *session)
{
    return session != NULL && session->expires_at_s > clock_wall_ms() / 1000 ? session : NULL;
}

static bool is_same_session(const struct user_session *a, const struct user_session *b)
{
    return memcmp(a->account.bytes, b->account.bytes, ID_BYTES) == 0 && a->epoch == b->epoch &&
           strcmp(a->device, b->device) == 0 && strcmp(a->address, b->address) == 0 &&
           a->created_ms == b->created_ms && a->seen_ms == b->seen_ms &&
           a->expires_at_s == b->expires_at_s;
}

static enum status take_session(void *ctx, const void *one, const void *other)
{
    struct verification *v = ctx;
    const struct user_session *a = unless_over(one), *b = unless_over(other);
    char name[NAME_SIZE];

    progress_add(&v->progress, one != NULL);
    if (a == NULL && b == NULL)
        return STATUS_OK;
    snprintf(name, sizeof(name), "session %s",
             ((const struct user_session *)either(one, other))->id);
    tally_count(&v->sessions, a, b, name);
    if (a != NULL && b != NULL && !is_same_session(a, b))
        tally_difference(&v->sessions, "%s: differs", name);
    return STATUS_OK;
}

/* --- invites and reset codes --------------------------------------------------------------- */

static bool is_same_code(const struct user_code *a, const struct user_code *b)
{
    return a->kind == b->kind && memcmp(a->account.bytes, b->account.bytes, ID_BYTES) == 0 &&
           a->expires_at_s == b->expires_at_s && a->used_ms == b->used_ms &&
           memcmp(a->used_by.bytes, b->used_by.bytes, ID_BYTES) == 0;
}

static enum status take_code(void *ctx, const void *one, const void *other)
{
    struct verification *v = ctx;
    char name[NAME_SIZE], hex[ID_HEX + 1];

    id_to_hex(&((const struct user_code *)either(one, other))->key, hex);
    snprintf(name, sizeof(name), "invite %s", hex);
    tally_count(&v->codes, one, other, name);
    if (one != NULL && other != NULL && !is_same_code(one, other))
        tally_difference(&v->codes, "%s: differs", name);
    return STATUS_OK;
}

/* --- messages ------------------------------------------------------------------------------ */

static void compare_message(struct verification *v, const char *name, const struct message *a,
                            const struct message *b)
{
    if (memcmp(a->id.bytes, b->id.bytes, ID_BYTES) != 0)
        tally_difference(&v->messages, "%s: the id differs", name);
    if (strcmp(a->sender_tag, b->sender_tag) != 0 || strcmp(a->receiver_tag, b->receiver_tag) != 0)
        tally_difference(&v->messages, "%s: the sender differs", name);
    if (strcmp(a->text, b->text) != 0)
        tally_difference(&v->messages, "%s: the text differs", name);
    if (a->is_withheld != b->is_withheld)
        tally_difference(&v->messages, "%s: is withheld in one only", name);
    if (a->date_ms != b->date_ms)
        tally_difference(&v->messages, "%s: the date differs", name);
    if (a->sender_count != b->sender_count)
        tally_difference(&v->messages, "%s: the sender's count differs", name);
}

/* Both newest first; a hole in one of them is found by the seq. */
static void compare_lists(struct verification *v, const struct dialog_record *record,
                          const struct message_list *a, const struct message_list *b)
{
    char name[NAME_SIZE];

    for (size_t i = 0, j = 0; i < a->count || j < b->count;) {
        uint64_t seq_a = i < a->count ? a->items[i].seq : 0;
        uint64_t seq_b = j < b->count ? b->items[j].seq : 0;
        const struct message *in_a = seq_a >= seq_b ? &a->items[i++] : NULL;
        const struct message *in_b = seq_b >= seq_a ? &b->items[j++] : NULL;
        snprintf(name, sizeof(name), "message %" PRIu64 " of %s and %s",
                 seq_a > seq_b ? seq_a : seq_b, record->owner.tag, record->peer.tag);
        tally_count(&v->messages, in_a, in_b, name);
        if (in_a != NULL && in_b != NULL)
            compare_message(v, name, in_a, in_b);
    }
    progress_add(&v->progress, a->count);
}

static enum status get_messages(const struct installation *installation,
                                const struct dialog_record *record, struct message_range range,
                                struct message_list *list)
{
    enum status status = message_store_messages(installation->messages, record->owner.key,
                                                record->peer.key, range, list);

    return status == STATUS_OK ? status
                               : installation_failed(installation, status, "reading messages");
}

static enum status compare_conversation(struct verification *v, const struct dialog_record *record,
                                        uint64_t last)
{
    enum status status = STATUS_OK;

    for (uint64_t first = 1; first <= last && status == STATUS_OK; first += CHUNK) {
        uint64_t end = first + CHUNK - 1 < last ? first + CHUNK - 1 : last;
        struct message_list a = { 0 }, b = { 0 };
        struct message_range range = {
            .start = 0, .end = (uint32_t)(end - first + 1), .newest_seq = end, .is_raw = true
        };
        if (pairs_stopping())
            return STATUS_DEADLINE_EXCEEDED;
        status = get_messages(v->a, record, range, &a);
        if (status == STATUS_OK)
            status = get_messages(v->b, record, range, &b);
        if (status == STATUS_OK)
            compare_lists(v, record, &a, &b);
        message_list_finish(&a);
        message_list_finish(&b);
    }
    return status;
}

/* --- dialogs ------------------------------------------------------------------------------- */

static void compare_number(struct tally *tally, const char *name, const char *what, uint64_t a,
                           uint64_t b)
{
    if (a != b)
        tally_difference(tally, "%s: %s is %" PRIu64 " in A, %" PRIu64 " in B", name, what, a, b);
}

static void compare_dialog(struct tally *tally, const char *name, const struct dialog_record *a,
                           const struct dialog_record *b)
{
    if (strcmp(a->owner.tag, b->owner.tag) != 0 || strcmp(a->peer.tag, b->peer.tag) != 0)
        tally_difference(tally, "%s: the case of a tag differs", name);
    compare_number(tally, name, "the last message", a->last_seq, b->last_seq);
    compare_number(tally, name, "the number of messages received", a->in_count, b->in_count);
    compare_number(tally, name, "the count of what went out", a->out_count, b->out_count);
    compare_number(tally, name, "what the owner has read", a->in_read, b->in_read);
    compare_number(tally, name, "what the other has read", a->out_read, b->out_read);
    compare_number(tally, name, "the date of the last message", (uint64_t)a->last_date_ms,
                   (uint64_t)b->last_date_ms);
    compare_number(tally, name, "the place among the dialogs", a->last_mod, b->last_mod);
    compare_number(tally, name, "the last change", a->mod, b->mod);
}

/* Once for each owner of dialogs in both. */
static void compare_sequence(struct verification *v, const struct dialog_record *a,
                             const struct dialog_record *b)
{
    char name[NAME_SIZE];

    if (strcmp(v->owner_key, a->owner.key) == 0)
        return;
    snprintf(v->owner_key, sizeof(v->owner_key), "%s", a->owner.key);
    snprintf(name, sizeof(name), "user sequence of %s", a->owner.tag);
    v->sequences.in_a++;
    v->sequences.in_b++;
    compare_number(&v->sequences, name, "it", a->user_seq, b->user_seq);
}

static enum status take_dialog(void *ctx, const void *one, const void *other)
{
    struct verification *v = ctx;
    const struct dialog_record *a = one, *b = other, *any = either(one, other);
    char name[NAME_SIZE];

    snprintf(name, sizeof(name), "dialog of %s with %s", any->owner.tag, any->peer.tag);
    tally_count(&v->dialogs, a, b, name);
    progress_add(&v->progress, a != NULL);
    if (a != NULL && b != NULL) {
        compare_dialog(&v->dialogs, name, a, b);
        compare_sequence(v, a, b);
    }
    if (strcmp(any->owner.key, any->peer.key) > 0)
        return STATUS_OK; /* the messages are compared at the other side's dialog */
    uint64_t last = any->last_seq;
    if (b != NULL && b->last_seq > last)
        last = b->last_seq;
    return compare_conversation(v, any, last);
}

/* --- all of it ----------------------------------------------------------------------------- */

/* --- relations and privacy ----------------------------------------------------------------- */

static enum status take_relation(void *ctx, const void *one, const void *other)
{
    struct verification *v = ctx;
    const struct relation_record *a = one, *b = other, *any = either(one, other);
    char name[NAME_SIZE];

    snprintf(name, sizeof(name), "relation of %s to %s", any->owner.tag, any->peer.tag);
    tally_count(&v->relations, a, b, name);
    if (a != NULL && b != NULL && (a->state != b->state || a->since_ms != b->since_ms))
        tally_difference(&v->relations, "%s: differs", name);
    return STATUS_OK;
}

static enum status take_privacy(void *ctx, const void *one, const void *other)
{
    struct verification *v = ctx;
    const struct privacy_record *a = one, *b = other;
    char name[NAME_SIZE];

    snprintf(name, sizeof(name), "what %s shows",
             ((const struct privacy_record *)either(one, other))->user.tag);
    tally_count(&v->privacies, a, b, name);
    if (a != NULL && b != NULL &&
        (a->privacy.online != b->privacy.online || a->privacy.read_marks != b->privacy.read_marks))
        tally_difference(&v->privacies, "%s: differs", name);
    return STATUS_OK;
}

static enum status begin_verify(struct verification *v)
{
    struct user_store_counts users;
    struct message_store_counts messages;

    enum status status = user_store_count(v->a->users, &users);
    if (status == STATUS_OK)
        status = message_store_count(v->a->messages, &messages);
    if (status != STATUS_OK)
        return installation_failed(v->a, status, "counting");
    console_line("A is %s", v->a->name);
    console_line("B is %s", v->b->name);
    progress_begin(&v->progress, users.users + users.images + users.revoked + users.sessions +
                                     messages.dialogs + messages.messages);
    return STATUS_OK;
}

static enum status compare_all(struct verification *v)
{
    enum status status = pairs_walk(&listing_users, v->a, v->b, take_user, v);

    if (status == STATUS_OK)
        status = pairs_walk(&listing_images, v->a, v->b, take_image, v);
    if (status == STATUS_OK)
        status = pairs_walk(&listing_revoked, v->a, v->b, take_revoked, v);
    if (status == STATUS_OK)
        status = pairs_walk(&listing_sessions, v->a, v->b, take_session, v);
    if (status == STATUS_OK)
        status = pairs_walk(&listing_codes, v->a, v->b, take_code, v);
    if (status == STATUS_OK)
        status = pairs_walk(&listing_dialogs, v->a, v->b, take_dialog, v);
    if (status == STATUS_OK)
        status = pairs_walk(&listing_relations, v->a, v->b, take_relation, v);
    if (status == STATUS_OK)
        status = pairs_walk(&listing_privacies, v->a, v->b, take_privacy, v);
    progress_end(&v->progress);
    return status;
}

enum status verify_run(struct installation *a, struct installation *b)
{
    struct verification v = {
        .a = a,
        .b = b,
        .users.what = "users",
        .images.what = "pictures",
        .revoked.what = "revoked tokens",
        .sessions.what = "sessions",
        .codes.what = "invites and reset codes",
        .dialogs.what = "dialogs",
        .messages.what = "messages",
        .sequences.what = "user sequences",
        .relations.what = "relations",
        .privacies.what = "privacy settings",
    };
    const struct tally *const tallies[] = { &v.users,     &v.images,   &v.revoked,  &v.sessions,
                                            &v.codes,     &v.dialogs,  &v.messages, &v.sequences,
                                            &v.relations, &v.privacies };
    uint64_t differing = 0;

    enum status status = begin_verify(&v);
    if (status == STATUS_OK)
        status = compare_all(&v);
    if (status != STATUS_OK) {
        console_error("not compared to the end");
        return status;
    }
    for (size_t i = 0; i < sizeof(tallies) / sizeof(tallies[0]); i++) {
        tally_print(tallies[i]);
        differing += tallies[i]->differing;
    }
    console_line(differing == 0 ? "A and B hold the same" : "A and B differ");
    return differing == 0 ? STATUS_OK : STATUS_CONFLICT;
}
