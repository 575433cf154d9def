#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * `--name value` pairs of a command line. What is not good ends the program (fail.h). Texts are
 * borrowed from argv. After the last question options_finish() refuses what nobody has asked for.
 */
struct options;

struct options *options_read(int argc, char **argv);
void options_finish(struct options **options);

/* NULL as the default: the option must be given. */
const char *options_text(struct options *options, const char *name, const char *otherwise);
int64_t options_int(struct options *options, const char *name, int64_t min, int64_t otherwise);
double options_double(struct options *options, const char *name, double otherwise); /* >= 0 */

#endif
