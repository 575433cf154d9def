#ifndef GATEWAY_API_PROFILES_H
#define GATEWAY_API_PROFILES_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/api/service_call.h"
#include "services/common/base/json_writer.h"
#include "message.pb-c.h"
#include "user.pb-c.h"

/* Profiles and presence of some users, joined. */
struct profiles;

/*
 * `visibilities`: of each tag what the caller may see, as the message service has answered, or NULL
 * for all; borrowed until profiles_free. What is hidden is not written.
 *
 * Calls the user service and the presence service in parallel. NULL when the user service failed;
 * then the call has failed, too. While presence is unknown, all count as offline: a list of
 * dialogs without online dots is better than none. The contacts that are online are notified to the
 * caller's sockets once they are known (resync.h).
 */
struct profiles *profiles_fetch(struct jsonrpc_call *call, const struct rpc_context *context,
                                char **tags, Messenger__Visibility *const *visibilities,
                                size_t count);
/* A fetched profile, or NULL; borrowed. */
const Messenger__User *profiles_find(const struct profiles *profiles, const char *tag);
void profiles_free(struct profiles **profiles);

/* Writes a user as an object, with isOnline; for a deleted account, with isDeleted, or a hidden
 * profile, empty names. */
void profiles_put_user(struct json_writer *w, const struct profiles *profiles, const char *tag);

/* Which of the tags, at most 1000, are online, by index: as the presence service has it, or as the
 * caller's sockets have been notified since. All are offline while that is unknown. The caller
 * frees the array. */
bool *profiles_fetch_online(struct jsonrpc_call *call, const struct rpc_context *context,
                            char **tags, size_t count);

/* Writes the users of a list as profiles_put_user does, with what the caller may see of them. While
 * the message service does not answer, that is unknown: then profiles are shown, and presence
 * unless contacts.consent is set. */
void profiles_put_found(struct jsonrpc_call *call, const struct rpc_context *context,
                        const Messenger__UserList *users);

#endif
