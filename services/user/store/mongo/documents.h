#ifndef USER_STORE_MONGO_DOCUMENTS_H
#define USER_STORE_MONGO_DOCUMENTS_H

#include "services/common/store/mongo_db.h"
#include "services/user/store/user_data.h"

/*
 * users:    { _id, key, tag, email, emailKey, firstName, lastName, img, passwordHash, grams,
 *             revision?, unannounced?, changed?: { firstName?, lastName?, img? }, origin?,
 *             deleted? }
 * images:   { _id: name, contentType, data, stored? }
 * revoked:  { _id: jti, expiresAt }
 *
 * `grams` are the parts of the key of one to three letters. An index over (grams, key) finds any
 * substring by its first three letters, already in the order of the keys.
 *
 * A user who is deleted has `deleted`, the time, and no `grams`.
 *
 * The unannounced changes are `unannounced`, bits of enum user_changed (at least one, if there are
 * any), together with the fields of `changed`. An update raises the number with $max and sets its
 * own fields: one write that loses no bit, by operators that every server has ($bit is rare).
 */
enum { USER_GRAM_MAX = 3 };

/* Appends the member `grams` of a key. */
void user_mongo_documents_append_grams(bson_t *document, const char *key);

/* Appends the member `changed` with these fields (enum user_changed), in place of any others. */
void user_mongo_documents_append_changed(bson_t *document, unsigned changed);

/* Appends to the document of a $set these fields of `changed`, beside the others. */
void user_mongo_documents_add_changed(bson_t *set, unsigned changed);

void user_mongo_documents_read(const bson_t *document, struct user *user_out);

/* For mongo_find: appends the user to `ctx`, a struct user_list with enough capacity. */
void user_mongo_documents_append(void *ctx, const bson_t *document);

/* Frees the list unless `status` is STATUS_OK; returns it. */
enum status user_mongo_documents_finish_list(enum status status, struct user_list *list);

/* Options of a find: by key, at most `max`. The caller owns them. */
bson_t *user_mongo_documents_by_key(size_t max);

#endif
