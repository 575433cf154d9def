#include "services/messengerctl/stores/copy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/messengerctl/console.h"
#include "services/messengerctl/stores/pairs.h"

/* --- users --------------------------------------------------------------------------------- */

static enum status add_user(struct copy *copy, const struct user *user)
{
    enum status status = user_store_add(copy->to->users, user);

    if (status == STATUS_ALREADY_EXISTS) {
        console_error("%s: the id or the e-mail of %s belongs to another user", copy->to->name,
                      user->tag);
        return STATUS_CONFLICT;
    }
    if (status != STATUS_OK)
        return installation_failed(copy->to, status, "adding a user");
    copy->users++;
    return STATUS_OK;
}

/* What never changes, unless the account was deleted: else it is another user of the same name. */
static bool is_same_user(const struct user *user, const struct user *there)
{
    bool is_deleted = user->deleted_ms != 0 && there->deleted_ms == 0;

    return memcmp(user->id.bytes, there->id.bytes, ID_BYTES) == 0 &&
           strcmp(user->tag, there->tag) == 0 &&
           (is_deleted || (strcmp(user->email, there->email) == 0 &&
                           strcmp(user->email_key, there->email_key) == 0));
}

/* What a user that was deleted since the last copy has left here is erased by the services, once
 * they use this store. */
static unsigned unannounced_of(const struct user *user, const struct user *there)
{
    if (user->deleted_ms == 0)
        return user->unannounced;
    return there->deleted_ms == 0 ? USER_DELETED : there->unannounced;
}

static bool has_same_credentials(const struct user *one, const struct user *other)
{
    return strcmp(one->password_hash, other->password_hash) == 0 &&
           one->session_epoch == other->session_epoch && one->disabled == other->disabled &&
           strcmp(one->kept_session, other->kept_session) == 0;
}

static enum status update_user(struct copy *copy, const struct user *user, const struct user *there)
{
    struct user updated = *user;
    char key[ACCOUNT_NAME_SIZE];

    if (!is_same_user(user, there)) {
        console_error("%s: %s is another user there", copy->to->name, user->tag);
        return STATUS_CONFLICT;
    }
    updated.unannounced = unannounced_of(user, there);
    if (strcmp(user->first_name, there->first_name) == 0 &&
        strcmp(user->last_name, there->last_name) == 0 && strcmp(user->img, there->img) == 0 &&
        user->revision <= there->revision && updated.unannounced == there->unannounced &&
        user->deleted_ms == there->deleted_ms && has_same_credentials(user, there))
        return STATUS_OK;
    if (!tag_to_key(user->tag, key))
        return STATUS_INTERNAL;
    enum status status = user_store_import_profile(copy->to->users, key, &updated);
    if (status != STATUS_OK)
        return installation_failed(copy->to, status, "updating a user");
    copy->changed_users++;
    return STATUS_OK;
}

static enum status take_user(void *ctx, const void *one, const void *other)
{
    struct copy *copy = ctx;
    const struct user *user = one, *there = other;

    if (user == NULL) {
        console_error("%s holds a user that %s does not have: %s; it is another installation, or "
                      "has been used",
                      copy->to->name, copy->from->name, there->tag);
        return STATUS_CONFLICT;
    }
    progress_add(&copy->progress, 1);
    return there == NULL ? add_user(copy, user) : update_user(copy, user, there);
}

/* --- pictures ------------------------------------------------------------------------------ */

static enum status take_image(void *ctx, const void *one, const void *other)
{
    struct copy *copy = ctx;
    struct user_image image = { .name = one != NULL ? ((const struct user_image_name *)one)->name
                                                    : NULL };
    char *content_type = NULL;
    void *data = NULL;

    if (one == NULL)
        return STATUS_OK; /* a name stands for its content: it does no harm */
    progress_add(&copy->progress, 1);
    if (other != NULL)
        return STATUS_OK;
    enum status status =
        user_store_get_image(copy->from->users, image.name, &content_type, &data, &image.size);
    if (status != STATUS_OK)
        return installation_failed(copy->from, status, "reading a picture");
    image.content_type = content_type;
    image.data = data;
    status = user_store_put_image(copy->to->users, &image);
    free(content_type);
    free(data);
    if (status != STATUS_OK)
        return installation_failed(copy->to, status, "storing a picture");
    copy->images++;
    return STATUS_OK;
}

/* --- revoked tokens ------------------------------------------------------------------------ */

static enum status take_revoked(void *ctx, const void *one, const void *other)
{
    struct copy *copy = ctx;
    const struct revoked_token *token = one;

    if (token == NULL)
        return STATUS_OK; /* the source has forgotten it since, for it has expired */
    progress_add(&copy->progress, 1);
    if (other != NULL || token->expires_at_s <= clock_wall_ms() / 1000)
        return STATUS_OK;
    enum status status = user_store_revoke(copy->to->users, token->jti, token->expires_at_s, 0);
    if (status != STATUS_OK)
        return installation_failed(copy->to, status, "storing a revoked token");
    copy->revoked++;
    return STATUS_OK;
}

/* --- sessions ------------------------------------------------------------------------------ */

static enum status update_session(struct copy *copy, const struct user_session *session,
                                  const struct user_session *there)
{
    if (session->seen_ms <= there->seen_ms && session->expires_at_s <= there->expires_at_s)
        return STATUS_OK;
    enum status status = user_store_touch_session(copy->to->users, session->id, session->seen_ms,
                                                  session->expires_at_s, session->address);
    return status == STATUS_OK ? status
                               : installation_failed(copy->to, status, "updating a session");
}

static enum status take_session(void *ctx, const void *one, const void *other)
{
    struct copy *copy = ctx;
    const struct user_session *session = one, *there = other;
    enum status status = STATUS_OK;

    progress_add(&copy->progress, session != NULL);
    if (session == NULL) /* it has ended in the source since */
        status = user_store_delete_session(copy->to->users, there->id);
    else if (there != NULL)
        return update_session(copy, session, there);
    else if (session->expires_at_s > clock_wall_ms() / 1000)
        status = user_store_add_session(copy->to->users, session, 0);
    if (status != STATUS_OK)
        return installation_failed(copy->to, status, "storing a session");
    copy->sessions += session != NULL && session->expires_at_s > clock_wall_ms() / 1000;
    return STATUS_OK;
}

/* --- invites and reset codes --------------------------------------------------------------- */

static enum status take_code(void *ctx, const void *one, const void *other)
{
    struct copy *copy = ctx;
    const struct user_code *code = one, *there = other;
    enum status status = STATUS_OK;

    if (code == NULL) { /* it was revoked in the source since */
        status = user_store_delete_code(copy->to->users, &there->key);
        if (status == STATUS_NOT_FOUND)
            status = STATUS_OK;
    } else if (there == NULL) {
        status = user_store_add_code(copy->to->users, code, 0);
    } else if (code->used_ms != there->used_ms) {
        status = user_store_use_code(copy->to->users, code, there->used_ms);
    }
    return status == STATUS_OK ? status
                               : installation_failed(copy->to, status, "storing an invite");
}

/* --- relations and privacy ----------------------------------------------------------------- */

static enum status take_relation(void *ctx, const void *one, const void *other)
{
    struct copy *copy = ctx;
    const struct relation_record *record = one, *there = other;
    struct relation_record gone;

    if (record == NULL) { /* taken back in the source since */
        gone = *there;
        gone.state = RELATION_NONE;
        record = &gone;
    } else if (there != NULL && record->state == there->state &&
               record->since_ms == there->since_ms) {
        return STATUS_OK;
    }
    enum status status = message_store_import_relation(copy->to->messages, record);
    return status == STATUS_OK ? status
                               : installation_failed(copy->to, status, "storing a relation");
}

static enum status take_privacy(void *ctx, const void *one, const void *other)
{
    struct copy *copy = ctx;
    const struct privacy_record *record = one, *there = other;
    struct privacy privacy = { AUDIENCE_EVERYONE, AUDIENCE_EVERYONE };

    if (record != NULL)
        privacy = record->privacy;
    if (record != NULL && there != NULL && privacy.online == there->privacy.online &&
        privacy.read_marks == there->privacy.read_marks)
        return STATUS_OK;
    enum status status = message_store_set_privacy(
        copy->to->messages, record != NULL ? &record->user : &there->user, privacy);
    return status == STATUS_OK ? status
                               : installation_failed(copy->to, status, "storing what a user shows");
}

/* --- all of it ----------------------------------------------------------------------------- */

static enum status begin_copy(struct copy *copy)
{
    struct user_store_counts users;
    struct message_store_counts messages;

    enum status status = user_store_count(copy->from->users, &users);
    if (status == STATUS_OK)
        status = message_store_count(copy->from->messages, &messages);
    if (status != STATUS_OK)
        return installation_failed(copy->from, status, "counting");
    if (users.users == 0 && messages.messages == 0) {
        console_error("there is nothing in %s", copy->from->name);
        return STATUS_NOT_FOUND;
    }
    console_line("from %s: %" PRIu64 " users, %" PRIu64 " pictures, %" PRIu64
                 " revoked tokens, %" PRIu64 " sessions, %" PRIu64 " dialogs, %" PRIu64 " messages",
                 copy->from->name, users.users, users.images, users.revoked, users.sessions,
                 messages.dialogs, messages.messages);
    progress_begin(&copy->progress, users.users + users.images + users.revoked + users.sessions +
                                        messages.dialogs + messages.messages);
    return STATUS_OK;
}

static void print_copied(const struct copy *copy)
{
    console_line("into %s: %" PRIu64 " users, %" PRIu64 " pictures, %" PRIu64
                 " revoked tokens, %" PRIu64 " sessions, %" PRIu64 " dialogs, %" PRIu64 " messages"
                 " were new; %" PRIu64 " users had changed",
                 copy->to->name, copy->users, copy->images, copy->revoked, copy->sessions,
                 copy->dialogs, copy->messages, copy->changed_users);
}

enum status copy_run(struct installation *from, struct installation *to)
{
    struct copy copy = { .from = from, .to = to };

    enum status status = begin_copy(&copy);
    if (status != STATUS_OK)
        return status;
    status = pairs_walk(&listing_users, from, to, take_user, &copy);
    if (status == STATUS_OK)
        status = pairs_walk(&listing_images, from, to, take_image, &copy);
    if (status == STATUS_OK)
        status = pairs_walk(&listing_revoked, from, to, take_revoked, &copy);
    if (status == STATUS_OK)
        status = pairs_walk(&listing_sessions, from, to, take_session, &copy);
    if (status == STATUS_OK)
        status = pairs_walk(&listing_codes, from, to, take_code, &copy);
    if (status == STATUS_OK)
        status = copy_dialogs(&copy);
    if (status == STATUS_OK)
        status = pairs_walk(&listing_relations, from, to, take_relation, &copy);
    if (status == STATUS_OK)
        status = pairs_walk(&listing_privacies, from, to, take_privacy, &copy);
    progress_end(&copy.progress);
    print_copied(&copy);
    if (status == STATUS_OK)
        console_line("done");
    else if (status == STATUS_CONFLICT)
        console_error("stopped; what contradicts was left as it is");
    else
        console_error("stopped before the end; run the same command to resume");
    return status;
}
