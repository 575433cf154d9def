#ifndef USER_STORE_USER_STORE_H
#define USER_STORE_USER_STORE_H

#include "services/user/store/user_data.h"

/*
 * Where users, avatars and revoked tokens are kept: one interface, several stores, chosen by URL
 * (sqlite:///path, mongodb://host/database). Every store passes
 * tests/unit/user/store/test_user_store.c. All functions may be called from any thread; writes are
 * durable when they return STATUS_OK. Besides what each says, every one may return
 * STATUS_UNAVAILABLE (the store does not answer) or STATUS_BUSY.
 */
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
                            size_t max, struct user_list *list_out) MUST_CHECK;

/*
 * Replaces names and image. If anything has changed, the revision rises by one in the same write,
 * and the change stays unannounced until user_store_announced: a process that dies after the write
 * leaves that to the others. STATUS_NOT_FOUND.
 */
enum status user_store_update(struct user_store *store, const char *key,
                              const struct user_update *update) MUST_CHECK;

/* Users with something unannounced that come after a key, "" = the first, by key; at most `most`.
 */
enum status user_store_unannounced(struct user_store *store, const char *after_key, size_t max,
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
enum status user_store_page(struct user_store *store, const char *after_key, size_t max,
                            struct user_list *list_out) MUST_CHECK;

/* The names of the images. */
enum status user_store_image_page(struct user_store *store, const char *after_name, size_t max,
                                  struct user_image_names *names_out) MUST_CHECK;

/* The revoked tokens, by jti; expired ones too, until they are forgotten. */
enum status user_store_revoked_page(struct user_store *store, const char *after_jti, size_t max,
                                    struct revoked_list *list_out) MUST_CHECK;

/* Names, image, revision and what is unannounced become the other store's; the revision does not
 * fall, or who has been told of one would take the next for an old one. STATUS_NOT_FOUND. */
enum status user_store_import_profile(struct user_store *store, const char *key,
                                      const struct user *user) MUST_CHECK;

/* How much there is; after a crash of the database server it may be out by a little. */
enum status user_store_count(struct user_store *store,
                             struct user_store_counts *counts_out) MUST_CHECK;

#endif
