/* Children of a test: each runs a function and says by its exit status whether all went well. */
#ifndef UNIT_PROCESS_H
#define UNIT_PROCESS_H

#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* The child ends with what `run` returns; 0 is good. No cmocka in there. */
static inline pid_t process_start(int (*run)(void *arg), void *arg)
{
    fflush(NULL);
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(run(arg));
    return pid;
}

static inline void assert_process_went_well(pid_t pid)
{
    int status = -1;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("a child ended with wait status 0x%x", (unsigned)status);
}

#endif
