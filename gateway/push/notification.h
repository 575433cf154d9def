#ifndef GATEWAY_PUSH_NOTIFICATION_H
#define GATEWAY_PUSH_NOTIFICATION_H

#include <stdbool.h>

#include "event.pb-c.h"
#include "services/common/base/json_writer.h"

/* What a notification looks like to clients: {"type","code","body"}. False, and nothing written,
 * for a body that this version does not know. */
bool notification_put(struct json_writer *w, const Messenger__Notification *notification);

#endif
