#ifndef USER_ACCESS_CODES_H
#define USER_ACCESS_CODES_H

#include "services/user/user_service.h"
#include "user.pb-c.h"

/* One-time codes (struct user_code): secrets of 32 hex digits, of which the store has a hash. */
enum { CODES_SECRET_SIZE = 33 };

/* A new one of an account; NULL: of the administrator. */
enum status codes_make(struct user_service *service, enum user_code_kind kind,
                       const struct user *account, int64_t lifetime_s,
                       char secret_out[CODES_SECRET_SIZE], struct user_code *code_out) MUST_CHECK;

/* Deletes the unused codes of this kind of an account. */
enum status codes_drop(struct user_service *service, enum user_code_kind kind,
                       const struct user *account) MUST_CHECK;

/*
 * The code of this kind, which can be used. STATUS_FORBIDDEN when it cannot: it is unknown,
 * expired, or used. An invite whose account was not added within a minute counts as unused: the
 * process ended between the two. USER_CODE_RESET stands for both kinds of reset; of the codes of
 * one kind only the account's latest can be used, also when several were made at the same time.
 */
enum status codes_find(struct user_service *service, enum user_code_kind kind, const char *secret,
                       struct user_code *code_out) MUST_CHECK;

/* The same by its key. */
enum status codes_find_key(struct user_service *service, enum user_code_kind kind,
                           const struct id *key, struct user_code *code_out) MUST_CHECK;

/* Uses a code that was found. STATUS_FORBIDDEN when another call has used it since. */
enum status codes_use(struct user_service *service, const struct user_code *found,
                      const struct id *user, const char *tag,
                      struct user_code *used_out) MUST_CHECK;

/* What it was used for has failed: it can be used again. A failure is logged only. */
void codes_give_back(struct user_service *service, const struct user_code *used);

/* Borrows from `secret` and `hex`, which gets the id. */
void codes_set_view(const struct user_code *code, const char *secret, char hex[ID_HEX + 1],
                    Messenger__OneTimeCode *view);

#endif
