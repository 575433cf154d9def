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

/* Waits for all of them before it says that one went wrong: none outlives its test. */
static inline void assert_processes_went_well(const pid_t *pids, size_t count)
{
    int failed = 0;

    for (size_t i = 0; i < count; i++) {
        int status = -1;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            failed = status;
    }
    if (failed != 0)
        fail_msg("a child ended with wait status 0x%x", (unsigned)failed);
}

#endif
