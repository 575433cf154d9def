#ifndef MESSAGE_USER_DIRECTORY_H
#define MESSAGE_USER_DIRECTORY_H

#include "services/common/base/status.h"
#include "services/common/bus/bus.h"
#include "services/common/rpc/rpc_client.h"
#include "services/message/store/message_store.h"

/*
 * Whether a user exists, and the tag as typed. Fetched from the user service once and cached: users
 * are never removed and tags never change. From any thread.
 */
struct user_directory;

struct user_directory *user_directory_create(struct bus *bus);
void user_directory_destroy(struct user_directory **directory);

/* Whether user_directory_find would return without a call. */
bool user_directory_remembers(struct user_directory *directory, const char *tag);

/* STATUS_NOT_FOUND: no such user (not cached). Others as of rpc_call. */
enum status user_directory_find(struct user_directory *directory, const struct rpc_context *context,
                                const char *tag, struct message_user *user_out) MUST_CHECK;

#endif
