#ifndef MESSAGE_STORE_KIND_H
#define MESSAGE_STORE_KIND_H

#include "services/message/message_store.h"

/* What a kind of store provides; the functions promise what message_store.h says of their
 * namesakes. A store's own struct begins with struct message_store. */
struct message_store_kind {
    const char *scheme; /* of the URL, e.g. "sqlite" */
    enum status (*open)(const char *url, struct message_store **store_out);
    void (*close)(struct message_store *store);
    enum status (*send)(struct message_store *, struct message_send *);
    enum status (*mark_read)(struct message_store *, struct message_mark *);
    enum status (*dialogs)(struct message_store *, const char *, uint32_t, uint32_t,
                           struct dialog_list *);
    enum status (*messages)(struct message_store *, const char *, const char *,
                            struct message_range, struct message_list *);
    enum status (*contacts)(struct message_store *, const char *, struct message_contacts *);
};

struct message_store {
    const struct message_store_kind *kind;
};

extern const struct message_store_kind message_store_sqlite;
extern const struct message_store_kind message_store_mongo;

#endif
