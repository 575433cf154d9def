#define _GNU_SOURCE /* pthread_getattr_np */
#include "gateway/thread_stack.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "services/common/log.h"

enum { RED_ZONE_BYTES = 1024 /* below the frame: the ABI's 128, and what madvise itself needs */ };

void thread_stack_give_back(void)
{
    pthread_attr_t attr;
    void *lowest = NULL;
    size_t size = 0;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    if (pthread_getattr_np(pthread_self(), &attr) != 0)
        return;
    int failed = pthread_attr_getstack(&attr, &lowest, &size);
    pthread_attr_destroy(&attr);
    uintptr_t begin = (uintptr_t)lowest;
    uintptr_t end = ((uintptr_t)__builtin_frame_address(0) - RED_ZONE_BYTES) & ~(page - 1);
    if (failed != 0 || end <= begin || end - begin > size)
        return;
    if (madvise(lowest, end - begin, MADV_DONTNEED) != 0)
        log_debug("no stack was given back");
}
