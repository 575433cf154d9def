#ifndef COMMON_PROCESS_HEALTHCHECK_H
#define COMMON_PROCESS_HEALTHCHECK_H

#include <stdbool.h>

#include "services/common/base/buffer.h"
#include "services/common/process/settings.h"

/*
 * Health checks, for a process beside the one that is asked (`--healthcheck`): no shell and no
 * other tool is needed. Both wait at most 3 seconds and say in a few words why they judge so.
 */

/* The instance of this host that serves as `name` answers on the bus and can do its work. With
 * several on one host it is any of them; in containers, each is alone. */
bool healthcheck_ask_bus(const struct settings *settings, const char *name, struct buffer *why);

/* GET http://<host>:<port><path> is answered with 200. `host` is an IPv4 address; "" = this host.
 */
bool healthcheck_ask_http(const char *host, int port, const char *path, struct buffer *why);

#endif
