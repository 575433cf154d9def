#ifndef GATEWAY_API_USER_JSON_H
#define GATEWAY_API_USER_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/api/service_call.h"
#include "presence.pb-c.h"
#include "services/common/base/json_writer.h"
#include "user.pb-c.h"

/* Users as clients see them: {_id, tag, firstName, lastName, img} and, where said, isOnline. */

/* Writes the members of a user, without the braces. */
void people_put(struct json_writer *w, const Messenger__User *user);

/* Profiles and presence of some users, joined. */
struct people;

/*
 * Asks the user service and the presence service at the same time. NULL when the former failed;
 * then the call has too. While presence is not known everybody counts as offline: a list of dialogs
 * without green dots is better than none. They are told later (catch_up.h).
 */
struct people *people_fetch(struct jsonrpc_call *call, const struct rpc_context *context,
                            char **tags, size_t count);
/* The profile of one who was fetched, or NULL; borrowed. */
const Messenger__User *people_find(const struct people *people, const char *tag);
void people_free(struct people **people);

/* Writes a whole user with isOnline; of somebody unknown only the tag and empty names. */
void people_put_user(struct json_writer *w, const struct people *people, const char *tag);

/* Which of some tags are online, at most 1000; NULL when it is not known. Free it with wire_free.
 */
Messenger__GetOnlineReply *people_ask_online(struct jsonrpc_call *call,
                                             const struct rpc_context *context, char **tags,
                                             size_t count);

/* Presence alone: which of the users of a list are online; the caller frees the array. */
bool *people_online(struct jsonrpc_call *call, const struct rpc_context *context,
                    const Messenger__UserList *users);

#endif
