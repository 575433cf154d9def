#ifndef GATEWAY_PUSH_NOTIFICATION_H
#define GATEWAY_PUSH_NOTIFICATION_H

#include <stdbool.h>

#include "event.pb-c.h"
#include "services/common/base/json_writer.h"

/* Writes a notification as clients receive it: {"type","code","body"}. False, and nothing is
 * written, for a body that this version does not know. */
bool notification_put(struct json_writer *w, const Messenger__Notification *notification);

#endif
