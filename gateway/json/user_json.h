#ifndef GATEWAY_JSON_USER_JSON_H
#define GATEWAY_JSON_USER_JSON_H

#include "services/common/base/json_writer.h"
#include "user.pb-c.h"

/* A user as clients see it: writes {_id, tag, firstName, lastName, img}, without the braces, so
 * that the caller can add its own members. */
void user_json_put(struct json_writer *w, const Messenger__User *user);

#endif
