#include "services/message/store/mongo/profile.h"

#include <stdio.h>
#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/message/store/mongo/handle.h"
#include "services/message/store/mongo/reads.h"
#include "services/message/store/mongo/settle.h"

enum { CONTACTS_AT_ONCE = 256 };

struct notices {
    struct fact *facts; /* of those who follow the user */
    size_t count;
};

static struct fact profile_fact(const struct message_profile *profile,
                                const struct message_user *to)
{
    return (struct fact){
        .kind = FACT_PROFILE, .from = profile->user, .to = *to, .revision = profile->revision
    };
}

/* Of the contacts, those who follow the user. */
static enum status find_followers(struct message_store *store,
                                  const struct message_profile *profile, struct notices *notices)
{
    struct message_contacts contacts;
    struct message_user user;

    enum status status = message_mongo_reads_contacts(store, profile->user.key, &contacts);
    if (status != STATUS_OK)
        return status;
    notices->facts = xcalloc(contacts.count, sizeof(*notices->facts));
    for (size_t i = 0; i < contacts.count; i++) {
        const struct message_contact *contact = &contacts.items[i];
        if ((profile->is_deleted ||
             relation_they_follow_me(&contact->relation, profile->consent)) &&
            message_user_set(&user, contact->tag))
            notices->facts[notices->count++] = profile_fact(profile, &user);
    }
    message_contacts_finish(&contacts);
    return STATUS_OK;
}

static void take_revision(void *ctx, const bson_t *document)
{
    *(uint64_t *)ctx = (uint64_t)mongo_int(document, "revision");
}

/* After all others have theirs. */
static enum status note_self(struct message_mongo_store *store, struct fact *self)
{
    enum status status = settle_facts(store->db, store->lineage, self, 1, SETTLE_NEW);

    if (status != STATUS_OK)
        return status;
    struct mongo_upsert upsert = {
        .filter = BCON_NEW("_id", BCON_UTF8(self->to.key)),
        .change = BCON_NEW("$max", "{", "revision", BCON_INT64((int64_t)self->revision), "}"),
    };
    return mongo_upsert(store->db, POSITIONS, &upsert, 1, MONGO_DURABLE);
}

/* Lists all users, including those whose change was inserted by an attempt that failed later: they
 * may not have been notified. */
static void notify_all(struct message_profile *profile, const struct notices *notices,
                       const struct fact *self)
{
    profile->notified = xcalloc(notices->count + 1, sizeof(*profile->notified));
    for (size_t i = 0; i <= notices->count; i++) {
        const struct fact *fact = i < notices->count ? &notices->facts[i] : self;
        struct profile_notice *notice = &profile->notified[profile->notified_count++];
        snprintf(notice->key, ACCOUNT_NAME_SIZE, "%s", fact->to.key);
        notice->user_seq = fact->to_mod;
    }
}

enum status message_mongo_profile_note(struct message_store *store, struct message_profile *profile)
{
    struct message_mongo_store *s = message_mongo_handle(store);
    struct notices notices = { .facts = NULL };
    struct fact self = profile_fact(profile, &profile->user);
    uint64_t noted = 0;

    profile->notified = NULL;
    profile->notified_count = 0;
    enum status status = mongo_find(s->db, POSITIONS, BCON_NEW("_id", BCON_UTF8(profile->user.key)),
                                    NULL, take_revision, &noted);
    profile->noted = noted > profile->revision ? noted : profile->revision;
    if (status != STATUS_OK || noted >= profile->revision)
        return status;
    status = find_followers(store, profile, &notices);
    for (size_t i = 0; status == STATUS_OK && i < notices.count; i += CONTACTS_AT_ONCE) {
        size_t left = notices.count - i;
        status = settle_facts(s->db, s->lineage, notices.facts + i,
                              left < CONTACTS_AT_ONCE ? left : CONTACTS_AT_ONCE, SETTLE_NEW);
    }
    if (status == STATUS_OK)
        status = note_self(s, &self);
    if (status == STATUS_OK)
        notify_all(profile, &notices, &self);
    free(notices.facts);
    return status;
}
