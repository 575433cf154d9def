#ifndef USER_STORE_USER_STORE_H
#define USER_STORE_USER_STORE_H

#include "services/user/store/user_data.h"

/*
 * The store of users, avatars, sessions and revoked tokens: one interface, two engines, chosen by
 * URL (sqlite:///path, mongodb://host/database). Both pass tests/unit/user/store/test_user_store.c.
 * All functions may be called from any thread; writes are durable when they return STATUS_OK.
 * Besides the statuses that each function documents, all may return STATUS_UNAVAILABLE (the store
 * does not answer) or STATUS_BUSY (its queue is full).
 */
struct user_store;

/* Opens the store and migrates its schema. STATUS_INVALID_ARGUMENT, logged, for an unknown URL. */
enum status user_store_open(const char *url, struct user_store **store_out) MUST_CHECK;
void user_store_close(struct user_store **store);

/* Why the store cannot do its work, in a few words for people; NULL: it can. Does not block. The
 * text is valid until the store is closed. */
const char *user_store_problem(struct user_store *store);

/* Adds a user with all fields. STATUS_ALREADY_EXISTS when the id, the tag or the e-mail exists,
 * without regard to case. */
enum status user_store_add(struct user_store *store, const struct user *user) MUST_CHECK;

/* STATUS_NOT_FOUND when there is none. */
enum status user_store_by_email(struct user_store *store, const char *email_key,
                                struct user *user_out) MUST_CHECK;

/* Those of the users that exist and are not deleted, in no order. Keys are those of tag_to_key. */
enum status user_store_by_keys(struct user_store *store, const char *const *keys, size_t key_count,
                               struct user_list *list_out) MUST_CHECK;

/* Users whose key contains `part` (lower-case letters, digits, '_'), except `except_key`: those
 * that begin with it first, then by key; at most `max`.
 */
enum status user_store_find(struct user_store *store, const char *part, const char *except_key,
                            size_t max, struct user_list *list_out) MUST_CHECK;

/* Replaces names and image of a user that is not deleted. If a field has changed, the same write
 * raises the revision, by a random step, so that another change has another one even if the store
 * was turned back, and marks the change as unannounced until user_store_announced: if the process
 * dies after the write, another one announces it. STATUS_NOT_FOUND.
 */
enum status user_store_update(struct user_store *store, const char *key,
                              const struct user_update *update) MUST_CHECK;

/* Users with unannounced changes, also deleted ones, that follow a key ("": from the first), by
 * key; at most `max`. */
enum status user_store_unannounced(struct user_store *store, const char *after_key, size_t max,
                                   struct user_list *list_out) MUST_CHECK;

/*
 * This revision has been announced, to receivers that know of the revision `noted`. Changes nothing
 * if there is a newer one, or no user. A greater `noted` shows that this store was turned back, and
 * that the receivers ignored the change: it gets a revision after `noted`, and is unannounced
 * still.
 */
enum status user_store_announced(struct user_store *store, const char *key, uint64_t revision,
                                 uint64_t noted) MUST_CHECK;

/* A name identifies its content: a second put of the same name changes nothing. */
enum status user_store_put_image(struct user_store *store,
                                 const struct user_image *image) MUST_CHECK;

/* The caller frees `*data_out` and `*content_type_out`. STATUS_NOT_FOUND. */
enum status user_store_get_image(struct user_store *store, const char *name,
                                 char **content_type_out, void **data_out,
                                 size_t *size_out) MUST_CHECK;
enum status user_store_has_image(struct user_store *store, const char *name,
                                 bool *has_out) MUST_CHECK;

/* Records a token as revoked until `expires_at_s`; deletes those that have expired at `now_s` (0:
 * none). */
enum status user_store_revoke(struct user_store *store, const char *jti, int64_t expires_at_s,
                              int64_t now_s) MUST_CHECK;
enum status user_store_is_revoked(struct user_store *store, const char *jti,
                                  bool *revoked_out) MUST_CHECK;

/* --- sessions --- */

/* Changes password and sessions with one write; `before` has the epoch that it counts on from.
 * STATUS_CONFLICT when either has changed since it was read, or the account is gone. */
enum status user_store_set_credentials(struct user_store *store,
                                       const struct user_credentials *change) MUST_CHECK;

/* Adds a session; deletes those that have expired at `now_s` (0: none). STATUS_ALREADY_EXISTS. */
enum status user_store_add_session(struct user_store *store, const struct user_session *session,
                                   int64_t now_s) MUST_CHECK;

/* STATUS_NOT_FOUND when there is none. */
enum status user_store_get_session(struct user_store *store, const char *id,
                                   struct user_session *session_out) MUST_CHECK;

/* Records that a session was seen, and until when its tokens are valid; neither time decreases.
 * "": its address stays. Nothing happens when there is none. */
enum status user_store_touch_session(struct user_store *store, const char *id, int64_t seen_ms,
                                     int64_t expires_at_s, const char *address) MUST_CHECK;

/* Deletes a session, if there is one. Does not end it: see user_store_revoke. */
enum status user_store_delete_session(struct user_store *store, const char *id) MUST_CHECK;

/* The sessions of an account, the last seen first, at most `max`; also those that are over. */
enum status user_store_sessions(struct user_store *store, const struct id *account, size_t max,
                                struct user_session_list *list_out) MUST_CHECK;

/* --- the end of an account --- */

/*
 * Deletes an account with one write, which removes all that is in its row but id and tag: so the
 * tag stays taken. The revision rises, all sessions end, and USER_DELETED is unannounced. What else
 * refers to the account is left: see below. STATUS_CONFLICT when its password or sessions have
 * changed since it was read, or it is gone.
 */
enum status user_store_delete(struct user_store *store,
                              const struct user_deletion *deletion) MUST_CHECK;

/* Removes what else the store has of a deleted account: sessions, networks, codes that are not
 * used, address, device and tag in the audit log. Not its picture. Can be repeated. */
enum status user_store_forget(struct user_store *store, const struct id *account) MUST_CHECK;

/* What a deleted account still has to announce, of enum user_departure, or 0. Nothing happens when
 * there is a newer revision. */
enum status user_store_set_departure(struct user_store *store, const char *key, uint64_t revision,
                                     unsigned departure) MUST_CHECK;

/* As message_store_purge. */
enum status user_store_purge(struct user_store *store) MUST_CHECK;

/* --- pictures that nobody shows --- */

/* Deletes a picture unless a user shows it. */
enum status user_store_drop_image(struct user_store *store, const char *name) MUST_CHECK;

/* The names of at most `max` pictures that no user shows and that were stored before `before_ms`;
 * those of older versions count as stored at time 0. They may be shown a moment later:
 * user_store_drop_image looks again. */
enum status user_store_unused_images(struct user_store *store, int64_t before_ms, size_t max,
                                     struct user_image_names *names_out) MUST_CHECK;

/* --- one-time codes --- */

/* Adds one; deletes unused ones that have expired at `now_s` (0: none). */
enum status user_store_add_code(struct user_store *store, const struct user_code *code,
                                int64_t now_s) MUST_CHECK;

/* STATUS_NOT_FOUND when there is none. */
enum status user_store_get_code(struct user_store *store, const struct id *key,
                                struct user_code *code_out) MUST_CHECK;

/* Stores use and user of a code, in place of `used_ms_before`. STATUS_CONFLICT when it has been
 * used since it was read, or is gone. */
enum status user_store_use_code(struct user_store *store, const struct user_code *code,
                                int64_t used_ms_before) MUST_CHECK;

/* Deletes one that has not been used. STATUS_NOT_FOUND. */
enum status user_store_delete_code(struct user_store *store, const struct id *key) MUST_CHECK;

/* The codes of a kind and an account, the newest first; at most `max`. */
enum status user_store_codes(struct user_store *store, enum user_code_kind kind,
                             const struct id *account, size_t max,
                             struct user_code_list *list_out) MUST_CHECK;

/* --- sign-ups that wait for a proof ---
 *
 * Short-lived: not part of a copy.
 */

/* Adds one; deletes those that have expired at `now_s` (0: none). */
enum status user_store_add_pending(struct user_store *store, const struct user_pending *pending,
                                   int64_t now_s) MUST_CHECK;

/* STATUS_NOT_FOUND when there is none. */
enum status user_store_get_pending(struct user_store *store, const struct id *key,
                                   struct user_pending *pending_out) MUST_CHECK;

/* Deletes one, if there is one. */
enum status user_store_delete_pending(struct user_store *store, const struct id *key) MUST_CHECK;

/* --- failed log-ins ---
 *
 * What login_guard.h counts, shared by all user services. Short-lived: not part of a copy.
 */

/* The counter with this key; if there is none, zeroed but for the key. */
enum status user_store_get_failed(struct user_store *store, const struct id *key,
                                  struct failed_logins *counter_out) MUST_CHECK;

/* Stores a counter in place of the one that was read, whose version it has; it gets a new version.
 * STATUS_CONFLICT when another has been stored since, or the one that was read has been deleted. */
enum status user_store_put_failed(struct user_store *store,
                                  const struct failed_logins *counter) MUST_CHECK;

/* Deletes a counter, if there is one. */
enum status user_store_clear_failed(struct user_store *store, const struct id *key) MUST_CHECK;

/* Deletes the counters that have expired at `now_ms`; of the others those with the fewest failures,
 * and of these the ones that expire first, until there are at most `max`. So a counter cannot be
 * displaced at a lower price than as many failures for each of `max` others. */
enum status user_store_prune_failed(struct user_store *store, int64_t now_ms,
                                    size_t max) MUST_CHECK;

/* When an account has logged in from a network, as far as it is recorded; STATUS_NOT_FOUND. */
enum status user_store_get_login(struct user_store *store, const struct id *account,
                                 const char *network, int64_t *at_ms_out) MUST_CHECK;

/* Records that; only the USER_LOGINS_MAX latest networks of an account are kept. */
enum status user_store_put_login(struct user_store *store, const struct id *account,
                                 const char *network, int64_t at_ms) MUST_CHECK;

/* --- the audit log --- */

/* Stores entries with one write. Of one that is stored already, the last time and the count are
 * stored if they are greater, and nothing else. */
enum status user_store_put_audit(struct user_store *store, const struct user_audit_entry *entries,
                                 size_t count) MUST_CHECK;

/* The newest entries that match, the newest first; at most `max`. */
enum status user_store_list_audit(struct user_store *store, const struct user_audit_filter *filter,
                                  size_t max, struct user_audit_list *list_out) MUST_CHECK;

/* Deletes the entries from before `before_ms`, and of each share the oldest beyond its maximum. */
enum status user_store_prune_audit(struct user_store *store, int64_t before_ms,
                                   const size_t max[USER_AUDIT_SHARES]) MUST_CHECK;

/* Removes address, device and tag of all entries of an account, for the deletion of the account;
 * the entries with its id stay. Can be repeated, and has to be for entries that were noted before
 * and not yet stored: they are within AUDIT_LOG_WRITE_MS, if the store answers. */
enum status user_store_forget_audit(struct user_store *store, const struct id *account) MUST_CHECK;

/* --- copies ---
 *
 * In pages: at most `max` items that follow a key, in byte order of the keys; "" is before the
 * first. A page of fewer than `max` is the last. Items added meanwhile may be missed.
 */

/* Users, by their keys (tag_to_key). */
enum status user_store_page(struct user_store *store, const char *after_key, size_t max,
                            struct user_list *list_out) MUST_CHECK;

/* The names of the images. */
enum status user_store_image_page(struct user_store *store, const char *after_name, size_t max,
                                  struct user_image_names *names_out) MUST_CHECK;

/* The revoked tokens, by jti; expired ones, too, until they are deleted. */
enum status user_store_revoked_page(struct user_store *store, const char *after_jti, size_t max,
                                    struct revoked_list *list_out) MUST_CHECK;

/* All codes, by key; NULL: from the first. */
enum status user_store_code_page(struct user_store *store, const struct id *after, size_t max,
                                 struct user_code_list *list_out) MUST_CHECK;

/* All sessions, by id. */
enum status user_store_session_page(struct user_store *store, const char *after_id, size_t max,
                                    struct user_session_list *list_out) MUST_CHECK;

/* Copies names, image, revision, unannounced changes, password and the end of sessions from the
 * user of another store, and that it is deleted. The revision
 * does not decrease, or receivers would ignore the next one. STATUS_NOT_FOUND. */
enum status user_store_import_profile(struct user_store *store, const char *key,
                                      const struct user *user) MUST_CHECK;

/* The number of users, images, sessions and revoked tokens; approximate after a crash of a database
 * server. */
enum status user_store_count(struct user_store *store,
                             struct user_store_counts *counts_out) MUST_CHECK;

#endif
