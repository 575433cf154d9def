#ifndef MESSAGE_USER_DIRECTORY_H
#define MESSAGE_USER_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "services/common/base/status.h"
#include "services/common/bus/bus.h"
#include "services/common/rpc/rpc_client.h"
#include "services/message/store/message_store.h"

/*
 * Whether an account exists, and its user in the store. Fetched from the user service, claimed in
 * the store (message_store_claim), and cached. An account never changes, but the store of users can
 * be replaced, by an older copy for instance: so what is in use is checked again every
 * DIRECTORY_CHECK_MS, many at once, and nothing is used that was not confirmed for
 * DIRECTORY_FRESH_MS, unless the user service does not answer. All functions may be called from any
 * thread.
 */
struct user_directory;

enum { DIRECTORY_CHECK_MS = 2000, DIRECTORY_FRESH_MS = 5000 };

/* `store` is borrowed. */
enum status user_directory_start(struct bus *bus, struct message_store *store,
                                 struct user_directory **directory_out) MUST_CHECK;

/* Waits for a check in progress. NULL is allowed. */
void user_directory_stop(struct user_directory **directory);

/* The user, if it is known without a call. `account_id`: only this account; "": any. */
bool user_directory_recall(struct user_directory *directory, const char *tag,
                           const char *account_id, struct message_user *user_out);

/* The account that has the tag. STATUS_NOT_FOUND: none (not cached). Others as of rpc_call and
 * message_store_claim. Blocks. */
enum status user_directory_find(struct user_directory *directory, const struct rpc_context *context,
                                const char *tag, struct message_user *user_out) MUST_CHECK;

/* As user_directory_find; when no account has the tag, the user that had it may be gone, and what
 * is stored of it is found by the tag alone: STATUS_OK, and `is_gone_out`. STATUS_NOT_FOUND: it is
 * no tag. */
enum status user_directory_find_former(struct user_directory *directory,
                                       const struct rpc_context *context, const char *tag,
                                       struct message_user *user_out, bool *is_gone_out) MUST_CHECK;

/* The account in whose name a request is made. STATUS_UNAUTHENTICATED: no account has this id and
 * this tag. `account_id` "", of a caller that does not send it: the account that has the tag. */
enum status user_directory_find_caller(struct user_directory *directory,
                                       const struct rpc_context *context, const char *tag,
                                       const char *account_id,
                                       struct message_user *user_out) MUST_CHECK;

/* user_directory_find for at most DIRECTORY_MANY_MAX tags; the key of one that no account has is
 * "". */
enum { DIRECTORY_MANY_MAX = 1000 };
enum status user_directory_find_many(struct user_directory *directory,
                                     const struct rpc_context *context, char *const *tags,
                                     size_t count, struct message_user *users_out) MUST_CHECK;

#endif
