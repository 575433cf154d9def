#ifndef BENCH_CPU_WATCH_H
#define BENCH_CPU_WATCH_H

#include "services/common/base/json_writer.h"

/*
 * The CPU time that some programs, this one ("generator") and the whole machine take between two
 * moments, from /proc (to 10 ms).
 */
struct cpu_watch;

/* "name=pid,name=pid"; "" = only this program and the machine. */
struct cpu_watch *cpu_watch_create(const char *programs);
void cpu_watch_destroy(struct cpu_watch **watch);

void cpu_watch_begin(struct cpu_watch *watch);
void cpu_watch_end(struct cpu_watch *watch);

/*
 * Adds "cpu_us":{"name":...,"generator":...,"others":...}, the last being what nobody of these
 * took, and "stolen_us": how long a hypervisor let a core stand still that had work (proc(5),
 * "steal"). A program that ran on that core counts it as its own time, so "others" holds only a
 * part of it.
 */
void cpu_watch_report(const struct cpu_watch *watch, struct json_writer *w);

#endif
