/* What the program writes to its standard error while a test looks at it. */
#ifndef UNIT_CAPTURE_H
#define UNIT_CAPTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

struct capture {
    FILE *file;
    int kept;
};

static inline struct capture capture_begin(void)
{
    struct capture capture = { .file = tmpfile(), .kept = -1 };

    assert_non_null(capture.file);
    fflush(stderr);
    capture.kept = dup(STDERR_FILENO);
    assert_true(capture.kept >= 0);
    assert_true(dup2(fileno(capture.file), STDERR_FILENO) >= 0);
    return capture;
}

/* All that was written, as a string, which the caller frees. */
static inline char *capture_end(struct capture *capture)
{
    fflush(stderr);
    assert_true(dup2(capture->kept, STDERR_FILENO) >= 0);
    close(capture->kept);
    long size = (long)lseek(fileno(capture->file), 0, SEEK_END);
    assert_true(size >= 0);
    char *text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    rewind(capture->file);
    assert_int_equal(fread(text, 1, (size_t)size, capture->file), size);
    fclose(capture->file);
    return text;
}

static inline size_t count_of_text(const char *text, const char *part)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
        count++;
    return count;
}

#endif
