#ifndef USER_STORE_USER_STORE_KIND_H
#define USER_STORE_USER_STORE_KIND_H

#include "services/user/store/user_data.h"

struct user_store;

/* The functions of an engine; each is specified in user_store.h. An engine's own
 * struct begins with struct user_store. */
struct user_store_kind {
    const char *scheme; /* of the URL, e.g. "sqlite" */
    enum status (*open)(const char *url, struct user_store **store_out);
    void (*close)(struct user_store *store);
    const char *(*problem)(struct user_store *store);
    enum status (*add)(struct user_store *, const struct user *);
    enum status (*by_email)(struct user_store *, const char *, struct user *);
    enum status (*by_keys)(struct user_store *, const char *const *, size_t, struct user_list *);
    enum status (*find)(struct user_store *, const char *, const char *, size_t,
                        struct user_list *);
    enum status (*update)(struct user_store *, const char *, const struct user_update *);
    enum status (*unannounced)(struct user_store *, const char *, size_t, struct user_list *);
    enum status (*announced)(struct user_store *, const char *, uint64_t, uint64_t);
    enum status (*import_profile)(struct user_store *, const char *, const struct user *);
    enum status (*put_image)(struct user_store *, const struct user_image *);
    enum status (*get_image)(struct user_store *, const char *, char **, void **, size_t *);
    enum status (*has_image)(struct user_store *, const char *, bool *);
    enum status (*revoke)(struct user_store *, const char *, int64_t, int64_t);
    enum status (*is_revoked)(struct user_store *, const char *, bool *);
    enum status (*set_credentials)(struct user_store *, const char *,
                                   const struct user_credentials *);
    enum status (*delete_user)(struct user_store *, const char *, const struct user_deletion *);
    enum status (*forget)(struct user_store *, const struct id *);
    enum status (*set_departure)(struct user_store *, const char *, uint64_t, unsigned);
    enum status (*purge)(struct user_store *);
    enum status (*drop_image)(struct user_store *, const char *);
    enum status (*unused_images)(struct user_store *, int64_t, size_t, struct user_image_names *);
    enum status (*add_session)(struct user_store *, const struct user_session *, int64_t);
    enum status (*get_session)(struct user_store *, const char *, struct user_session *);
    enum status (*touch_session)(struct user_store *, const char *, int64_t, int64_t, const char *);
    enum status (*delete_session)(struct user_store *, const char *);
    enum status (*sessions)(struct user_store *, const struct id *, size_t,
                            struct user_session_list *);
    enum status (*session_page)(struct user_store *, const char *, size_t,
                                struct user_session_list *);
    enum status (*add_code)(struct user_store *, const struct user_code *, int64_t);
    enum status (*get_code)(struct user_store *, const struct id *, struct user_code *);
    enum status (*use_code)(struct user_store *, const struct user_code *, int64_t);
    enum status (*delete_code)(struct user_store *, const struct id *);
    enum status (*codes)(struct user_store *, enum user_code_kind, const struct id *, size_t,
                         struct user_code_list *);
    enum status (*code_page)(struct user_store *, const struct id *, size_t,
                             struct user_code_list *);
    enum status (*add_pending)(struct user_store *, const struct user_pending *, int64_t);
    enum status (*get_pending)(struct user_store *, const struct id *, struct user_pending *);
    enum status (*delete_pending)(struct user_store *, const struct id *);
    enum status (*get_failed)(struct user_store *, const struct id *, struct failed_logins *);
    enum status (*put_failed)(struct user_store *, const struct failed_logins *);
    enum status (*clear_failed)(struct user_store *, const struct id *);
    enum status (*prune_failed)(struct user_store *, int64_t, size_t);
    /* By a key that stands for the account and the network. */
    enum status (*get_login)(struct user_store *, const struct id *, int64_t *);
    enum status (*put_login)(struct user_store *, const struct id *, const struct id *, int64_t);
    enum status (*put_audit)(struct user_store *, const struct user_audit_entry *, size_t);
    enum status (*list_audit)(struct user_store *, const struct user_audit_filter *, size_t,
                              struct user_audit_list *);
    enum status (*prune_audit)(struct user_store *, int64_t, const size_t *);
    enum status (*forget_audit)(struct user_store *, const struct id *);
    enum status (*page)(struct user_store *, const char *, size_t, struct user_list *);
    enum status (*image_page)(struct user_store *, const char *, size_t, struct user_image_names *);
    enum status (*revoked_page)(struct user_store *, const char *, size_t, struct revoked_list *);
    enum status (*count)(struct user_store *, struct user_store_counts *);
};

/* A version for a counter of failed log-ins, other than all before; not 0. */
static inline int64_t user_store_kind_new_version(void)
{
    int64_t version;

    do
        id_random_bytes(&version, sizeof(version));
    while (version == 0);
    return version;
}

struct user_store {
    const struct user_store_kind *kind;
};

extern const struct user_store_kind user_store_sqlite;
extern const struct user_store_kind user_store_mongo;

#endif
