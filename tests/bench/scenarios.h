#ifndef BENCH_SCENARIOS_H
#define BENCH_SCENARIOS_H

#include "tests/bench/options.h"

/*
 * What the program can do, each in a file of its name. Each reads its options, runs and prints what
 * it has found (report.h); README.md here says what each measures.
 */

void scenario_send(struct options *options);
void scenario_floor(struct options *options);
void scenario_responder(struct options *options);
void scenario_fan_out(struct options *options);
void scenario_login(struct options *options);
void scenario_hash(struct options *options);
void scenario_call(struct options *options);
void scenario_sockets(struct options *options);
void scenario_ends(struct options *options);
void scenario_fill(struct options *options);
void scenario_roster(struct options *options);

#endif
