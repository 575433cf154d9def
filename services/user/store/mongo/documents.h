#ifndef USER_STORE_MONGO_DOCUMENTS_H
#define USER_STORE_MONGO_DOCUMENTS_H

#include "services/common/store/mongo_db.h"
#include "services/user/store/user_data.h"

/*
 * users:    { _id, key, tag, email, emailKey, firstName, lastName, img, passwordHash, grams,
 *             revision?, unannounced?, origin? }
 * images:   { _id: name, contentType, data }
 * revoked:  { _id: jti, expiresAt }
 *
 * `grams` are the parts of the key of one to three letters. An index over (grams, key) finds any
 * substring by its first three letters, already in the order of the keys.
 */
enum { USER_GRAM_MAX = 3 };

/* Appends the member `grams` of a key. */
void user_mongo_documents_append_grams(bson_t *document, const char *key);

void user_mongo_documents_read(const bson_t *document, struct user *user_out);

/* For mongo_find: appends the user to the struct user_list that is the `ctx`, which has the
 * capacity. */
void user_mongo_documents_append(void *ctx, const bson_t *document);

/* Frees the list unless `status` is STATUS_OK; returns it. */
enum status user_mongo_documents_finish_list(enum status status, struct user_list *list);

/* Options of a find: by key, at most `most`. The caller owns them. */
bson_t *user_mongo_documents_by_key(size_t max);

#endif
