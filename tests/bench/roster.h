#ifndef BENCH_ROSTER_H
#define BENCH_ROSTER_H

#include <stddef.h>

/* The users that a run is made with, from a file of lines "tag token". */
struct roster {
    size_t count;
    const char **tags, **tokens;
    char *text;
};

/* At least `least` users, or the program ends. */
void roster_read(struct roster *roster, const char *path, size_t min);
void roster_finish(struct roster *roster);

/* A whole file with a NUL behind it, which the caller frees. */
char *roster_read_file(const char *path);

#endif
