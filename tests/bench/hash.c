#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "services/user/login/password.h"
#include "services/user/store/user_store.h"
#include "tests/bench/fail.h"
#include "tests/bench/loop.h"
#include "tests/bench/report.h"
#include "tests/bench/scenarios.h"

/* What one log-in's hash costs, with the service's own code: the floor of log-ins. */

enum { THREADS_MAX = 256 };

static const char password[] = "correct horse";

static struct run {
    char encoded[USER_HASH_SIZE];
    _Atomic int64_t until_ns;
    _Atomic uint64_t count;
} run;

static void *verify(void *arg)
{
    (void)arg;
    while (loop_now_ns() < atomic_load(&run.until_ns)) {
        if (!password_verify(run.encoded, password))
            fail("the password is not right");
        atomic_fetch_add(&run.count, 1);
    }
    return NULL;
}

void scenario_hash(struct options *options)
{
    struct password_cost cost = { (uint32_t)options_int(options, "memory-kib", 8, 19456),
                                  (uint32_t)options_int(options, "passes", 1, 2) };
    size_t threads = (size_t)options_int(options, "threads", 1, 1);
    double seconds = options_double(options, "seconds", 2);
    pthread_t started[THREADS_MAX];
    struct json_writer w;

    options_finish(&options);
    if (threads > THREADS_MAX)
        fail("--threads is at most %d", THREADS_MAX);
    if (!password_hash(&cost, password, run.encoded, sizeof(run.encoded)))
        fail("cannot hash a password");
    int64_t begin = loop_now_ns();
    atomic_store(&run.until_ns, begin + (int64_t)(seconds * 1e9));
    for (size_t i = 0; i < threads; i++)
        if (pthread_create(&started[i], NULL, verify, NULL) != 0)
            fail("cannot start a thread");
    for (size_t i = 0; i < threads; i++)
        pthread_join(started[i], NULL);
    double taken = (double)(loop_now_ns() - begin) / 1e9;
    report_begin(&w);
    report_double(&w, "seconds_each", taken * (double)threads / (double)atomic_load(&run.count));
    report_double(&w, "per_s", (double)atomic_load(&run.count) / taken);
    report_end(&w);
}
