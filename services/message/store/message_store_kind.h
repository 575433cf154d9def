#ifndef MESSAGE_STORE_MESSAGE_STORE_KIND_H
#define MESSAGE_STORE_MESSAGE_STORE_KIND_H

#include "services/message/store/message_data.h"

struct message_store;

/* The functions of an engine; each is specified in message_store.h. An engine's
 * own struct begins with struct message_store. */
struct message_store_kind {
    const char *scheme; /* of the URL, e.g. "sqlite" */
    enum status (*open)(const char *url, struct message_store **store_out);
    void (*close)(struct message_store *store);
    const char *(*problem)(struct message_store *store);
    void (*on_reported)(struct message_store *, void (*)(void *), void *);
    enum status (*claim)(struct message_store *, struct message_user *, const char *);
    enum status (*send)(struct message_store *, struct message_send *);
    enum status (*mark_read)(struct message_store *, struct message_mark *);
    enum status (*dialogs)(struct message_store *, const char *, uint32_t, uint32_t,
                           struct dialog_list *);
    enum status (*messages)(struct message_store *, const char *, const char *,
                            struct message_range, struct message_list *);
    enum status (*contacts)(struct message_store *, const char *, struct message_contacts *);
    enum status (*relate)(struct message_store *, struct relation_change *);
    enum status (*blocked)(struct message_store *, const char *, struct blocked_list *);
    enum status (*relations)(struct message_store *, const char *,
                             const char (*)[ACCOUNT_NAME_SIZE], size_t, struct relation *);
    enum status (*privacy)(struct message_store *, const char *, struct privacy *);
    enum status (*set_privacy)(struct message_store *, const struct message_user *, struct privacy);
    enum status (*epoch)(struct message_store *, char *);
    enum status (*renew)(struct message_store *);
    enum status (*changes)(struct message_store *, const char *, struct change_range,
                           struct change_list *);
    enum status (*positions)(struct message_store *, const char (*)[ACCOUNT_NAME_SIZE], size_t,
                             uint64_t *);
    enum status (*note_profile)(struct message_store *, struct message_profile *);
    enum status (*erase)(struct message_store *, struct message_erasure *);
    enum status (*expire)(struct message_store *, struct message_expiry *);
    enum status (*purge)(struct message_store *);
    enum status (*add_usage)(struct message_store *, struct message_usage *, size_t);
    enum status (*records)(struct message_store *, const char *, const char *, size_t,
                           struct dialog_record_list *);
    enum status (*newest_seq)(struct message_store *, const char *, const char *, uint64_t *);
    /* The front has checked the list: its shape, its tags. */
    enum status (*import)(struct message_store *, const struct message_list *);
    enum status (*import_dialogs)(struct message_store *, const struct dialog_record *, size_t);
    enum status (*relation_records)(struct message_store *, const char *, const char *, size_t,
                                    struct relation_record_list *);
    enum status (*import_relation)(struct message_store *, const struct relation_record *);
    enum status (*privacy_records)(struct message_store *, const char *, size_t,
                                   struct privacy_record_list *);
    enum status (*count)(struct message_store *, struct message_store_counts *);
};

struct message_store {
    const struct message_store_kind *kind;
};

extern const struct message_store_kind message_store_sqlite;
extern const struct message_store_kind message_store_mongo;

#endif
