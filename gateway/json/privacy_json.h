#ifndef GATEWAY_JSON_PRIVACY_JSON_H
#define GATEWAY_JSON_PRIVACY_JSON_H

#include <stdbool.h>

#include "message.pb-c.h"
#include "services/common/base/json_writer.h"

/* Whom a user lets see something, as clients see it: writes {online, readMarks}, without the
 * braces, each "everyone", "contacts" or "nobody". */
void privacy_json_put(struct json_writer *w, const Messenger__Privacy *privacy);

/* "" leaves it unchanged. False for any other text. */
bool privacy_json_parse(const char *text, Messenger__Audience *audience_out);

#endif
