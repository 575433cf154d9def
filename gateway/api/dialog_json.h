#ifndef GATEWAY_API_DIALOG_JSON_H
#define GATEWAY_API_DIALOG_JSON_H

#include "gateway/api/profiles.h"
#include "message.pb-c.h"
#include "services/common/base/json_writer.h"

/* A dialog as clients see it. Writes its members, without the braces, so that the caller can add
 * its own. `profiles` holds its peer. */
void dialog_json_put(struct json_writer *w, const Messenger__Dialog *dialog,
                     const struct profiles *profiles);

#endif
