#ifndef GATEWAY_API_MESSAGE_JSON_H
#define GATEWAY_API_MESSAGE_JSON_H

#include "gateway/api/user_json.h"
#include "message.pb-c.h"
#include "services/common/base/json_writer.h"

/* Messages and dialogs as answers show them; dates in ISO 8601. */

/* Writes an object. */
void message_put(struct json_writer *w, const Messenger__Message *message);

/* Writes the members of a dialog, without the braces. `people` knows its peer. */
void dialog_put(struct json_writer *w, const Messenger__Dialog *dialog,
                const struct people *people);

#endif
