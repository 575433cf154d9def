/* A file of settings: it is accepted, or each problem is a line for people. */
#define _GNU_SOURCE /* memfd_create */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "services/common/base/log.h"
#include "services/common/base/text.h"
#include "services/common/process/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer problems = { 0 };
    struct settings settings;
    char path[32];
    int fd = memfd_create("settings", 0);

    log_init("fuzz", LOG_LEVEL_NONE);
    assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    enum status status = settings_load(path, &settings, &problems);
    assert((status == STATUS_OK) == (problems.length == 0));
    if (status == STATUS_OK) {
        assert(settings.app_port >= 0 && settings.app_port <= 65535);
        assert(settings.jwt_expires_in_s >= 1 && settings.rpc_timeout_ms >= 1);
        settings_weak_key(settings.jwt_private_key);
    } else {
        assert(problems.data[problems.length - 1] == '\n');
    }
    settings_finish(&settings);
    buffer_finish(&problems);
    close(fd);
    return 0;
}
