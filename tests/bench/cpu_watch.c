#include "tests/bench/cpu_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "services/common/base/memory.h"
#include "services/common/base/text.h"
#include "tests/bench/fail.h"

enum { PROGRAMS_MAX = 32, LINE_SIZE = 1024 };

struct cpu_watch {
    char *text; /* holds the names */
    size_t count;
    struct program {
        const char *name;
        int64_t pid;
        int64_t begin, end; /* CPU time, in us */
    } programs[PROGRAMS_MAX];
    struct machine {
        int64_t busy, stolen; /* in ticks */
    } begin, end;
};

struct cpu_watch *cpu_watch_create(const char *programs)
{
    struct cpu_watch *watch = xcalloc(1, sizeof(*watch));
    char *rest, *item;

    watch->text = xstrdup(programs);
    for (rest = watch->text; (item = strtok_r(rest, ",", &rest)) != NULL;) {
        char *equals = strchr(item, '=');
        if (watch->count + 1 == PROGRAMS_MAX)
            fail("more than %d programs to watch", PROGRAMS_MAX - 1);
        struct program *program = &watch->programs[watch->count++];
        if (equals == NULL || !text_to_int(equals + 1, 1, INT32_MAX, &program->pid))
            fail("\"%s\" is not name=pid", item);
        *equals = '\0';
        program->name = item;
    }
    watch->programs[watch->count++] = (struct program){ .name = "generator", .pid = getpid() };
    return watch;
}

void cpu_watch_destroy(struct cpu_watch **watch)
{
    free((*watch)->text);
    free(*watch);
    *watch = NULL;
}

static void read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "re");

    if (file == NULL || fgets(line, size, file) == NULL)
        fail("%s: %s", path, strerror(errno));
    fclose(file);
}

/* The sum of the fields [first, last] of a line of numbers. */
static int64_t sum_of_fields(const char *line, int first, int last)
{
    char copy[LINE_SIZE];
    int64_t sum = 0;
    int field = 1;

    snprintf(copy, sizeof(copy), "%s", line);
    for (char *rest = copy, *word; (word = strtok_r(rest, " \n", &rest)) != NULL; field++)
        if (field >= first && field <= last)
            sum += strtoll(word, NULL, 10);
    return sum;
}

/* By its CPU clock: /proc counts in ticks of 10 ms, which a short run may not reach. */
static int64_t us_of_program(int64_t pid)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid((pid_t)pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        fail("process %lld cannot be watched", (long long)pid);
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

/* Busy is all but idle and waiting for disks, and what guests take, which is counted twice. */
static struct machine ticks_of_machine(void)
{
    char line[LINE_SIZE];

    read_line("/proc/stat", line, sizeof(line));
    return (struct machine){ .busy = sum_of_fields(line, 2, 4) + sum_of_fields(line, 7, 9),
                             .stolen = sum_of_fields(line, 9, 9) };
}

void cpu_watch_begin(struct cpu_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        watch->programs[i].begin = us_of_program(watch->programs[i].pid);
    watch->begin = ticks_of_machine();
}

void cpu_watch_end(struct cpu_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        watch->programs[i].end = us_of_program(watch->programs[i].pid);
    watch->end = ticks_of_machine();
}

void cpu_watch_report(const struct cpu_watch *watch, struct json_writer *w)
{
    int64_t tick_us = 1000000 / sysconf(_SC_CLK_TCK), all = 0;

    json_key(w, "cpu_us");
    json_begin_object(w);
    for (size_t i = 0; i < watch->count; i++) {
        int64_t used = watch->programs[i].end - watch->programs[i].begin;
        json_put_int(w, watch->programs[i].name, used);
        all += used;
    }
    int64_t others = (watch->end.busy - watch->begin.busy) * tick_us - all;
    json_put_int(w, "others", others > 0 ? others : 0);
    json_end_object(w);
    json_put_int(w, "stolen_us", (watch->end.stolen - watch->begin.stolen) * tick_us);
}
