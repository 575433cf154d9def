#ifndef USER_STORE_USER_STORE_H
#define USER_STORE_USER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/id.h"
#include "services/common/base/status.h"
#include "services/common/base/tag.h"

/*
 * Where users, avatars and revoked tokens are kept: one interface, several stores, chosen by URL
 * (sqlite:///path, mongodb://host/database). Every store passes
 * tests/unit/user/store/test_user_store.c. All functions may be called from any thread; writes are
 * durable when they return STATUS_OK. Besides what each says, every one may return
 * STATUS_UNAVAILABLE (the store does not answer) or STATUS_BUSY.
 */
enum {
    USER_NAME_SIZE = 512,
    USER_EMAIL_SIZE = 512,
    USER_HASH_SIZE = 256,
    USER_IMAGE_SIZE = 48,
    USER_JTI_SIZE = 64,
    USER_ORIGIN_SIZE = 80,
};

/* What an update has changed: a set of bits. */
enum user_changed {
    USER_CHANGED_FIRST_NAME = 1,
    USER_CHANGED_LAST_NAME = 2,
    USER_CHANGED_IMG = 4,
};

struct user {
    struct id id;
    char tag[TAG_SIZE];
    char first_name[USER_NAME_SIZE]; /* UTF-8, NFC */
    char last_name[USER_NAME_SIZE];
    char img[USER_IMAGE_SIZE];
    char email[USER_EMAIL_SIZE];     /* as typed */
    char email_key[USER_EMAIL_SIZE]; /* case folded: what is unique */
    char password_hash[USER_HASH_SIZE];
    uint64_t revision;             /* of names and image: how often they were changed */
    unsigned unannounced;          /* what of it nobody has been told of yet */
    char origin[USER_ORIGIN_SIZE]; /* the session that made all that is unannounced; "" = several */
};

/* Owned by the caller; free `items` with free. A zeroed list is empty. */
struct user_list {
    struct user *items;
    size_t count;
};

struct user_image {
    const char *name;
    const char *content_type;
    const void *data;
    size_t size;
};

/* As user_list: free `items`. */
struct user_image_name {
    char name[USER_IMAGE_SIZE];
};
struct user_image_names {
    struct user_image_name *items;
    size_t count;
};

struct revoked_token {
    char jti[USER_JTI_SIZE];
    int64_t expires_at_s;
};
struct revoked_list {
    struct revoked_token *items;
    size_t count;
};

struct user_store_counts {
    uint64_t users, images, revoked;
};

struct user_store;

/* Opens the store and brings its schema up to date. STATUS_INVALID_ARGUMENT: not a URL we know. */
enum status user_store_open(const char *url, struct user_store **store_out) MUST_CHECK;
void user_store_close(struct user_store **store);

/* With all fields. STATUS_ALREADY_EXISTS when the id, the tag or the e-mail is taken, in any case.
 */
enum status user_store_add(struct user_store *store, const struct user *user) MUST_CHECK;

/* STATUS_NOT_FOUND when there is none. */
enum status user_store_by_email(struct user_store *store, const char *email_key,
                                struct user *user_out) MUST_CHECK;

/* Those of the users that exist, in no order. Keys as of tag_to_key. */
enum status user_store_by_keys(struct user_store *store, const char *const *keys, size_t key_count,
                               struct user_list *list_out) MUST_CHECK;

/*
 * Users whose key holds `part` (letters of lower case, digits, '_'), but not `except_key`: those
 * that begin with it first, then by key; at most `most`.
 */
enum status user_store_find(struct user_store *store, const char *part, const char *except_key,
                            size_t most, struct user_list *list_out) MUST_CHECK;

/* A new state of names and image. */
struct user_update {
    const char *first_name, *last_name, *img;
    unsigned changed;   /* what of it is new, of enum user_changed */
    const char *origin; /* the session it came from, shorter than USER_ORIGIN_SIZE; "" = none */
};

/*
 * Replaces names and image. If anything has changed, the revision rises by one in the same write,
 * and the change stays unannounced until user_store_announced: a process that dies after the write
 * leaves that to the others. STATUS_NOT_FOUND.
 */
enum status user_store_update(struct user_store *store, const char *key,
                              const struct user_update *update) MUST_CHECK;

/* Users with something unannounced that come after a key, "" = the first, by key; at most `most`.
 */
enum status user_store_unannounced(struct user_store *store, const char *after_key, size_t most,
                                   struct user_list *list_out) MUST_CHECK;

/* All have been told of this revision. Changes nothing if there is a newer one, or no user. */
enum status user_store_announced(struct user_store *store, const char *key,
                                 uint64_t revision) MUST_CHECK;

/* A name stands for its content: a second put of the same name changes nothing. */
enum status user_store_put_image(struct user_store *store,
                                 const struct user_image *image) MUST_CHECK;

/* `data_out` and `content_type_out` are the caller's to free. STATUS_NOT_FOUND. */
enum status user_store_get_image(struct user_store *store, const char *name,
                                 char **content_type_out, void **data_out,
                                 size_t *size_out) MUST_CHECK;
enum status user_store_has_image(struct user_store *store, const char *name,
                                 bool *has_out) MUST_CHECK;

/* Remembers a token as revoked until `expires_at_s`; forgets those expired at `now_s` (0: none). */
enum status user_store_revoke(struct user_store *store, const char *jti, int64_t expires_at_s,
                              int64_t now_s) MUST_CHECK;
enum status user_store_is_revoked(struct user_store *store, const char *jti,
                                  bool *revoked_out) MUST_CHECK;

/*
 * --- everything there is, for a copy ---
 *
 * In pages: at most `most` of what comes after a key, in the order of the keys as bytes; "" is
 * before the first. A page of less than `most` is the last. What is added meanwhile may be missed.
 */

/* Users, by their keys as of tag_to_key. */
enum status user_store_page(struct user_store *store, const char *after_key, size_t most,
                            struct user_list *list_out) MUST_CHECK;

/* The names of the images. */
enum status user_store_image_page(struct user_store *store, const char *after_name, size_t most,
                                  struct user_image_names *names_out) MUST_CHECK;

/* The revoked tokens, by jti; expired ones too, until they are forgotten. */
enum status user_store_revoked_page(struct user_store *store, const char *after_jti, size_t most,
                                    struct revoked_list *list_out) MUST_CHECK;

/* Names, image, revision and what is unannounced become the other store's; the revision does not
 * fall, or who has been told of one would take the next for an old one. STATUS_NOT_FOUND. */
enum status user_store_import_profile(struct user_store *store, const char *key,
                                      const struct user *user) MUST_CHECK;

/* How much there is; after a crash of the database server it may be out by a little. */
enum status user_store_count(struct user_store *store,
                             struct user_store_counts *counts_out) MUST_CHECK;

#endif
