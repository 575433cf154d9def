#include "tests/bench/roster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/array.h"
#include "services/common/base/buffer.h"
#include "services/common/base/memory.h"
#include "tests/bench/fail.h"

char *roster_read_file(const char *path)
{
    struct buffer text = { 0 };
    FILE *file = fopen(path, "re");
    size_t n;

    if (file == NULL)
        fail("%s: %s", path, strerror(errno));
    do {
        n = fread(buffer_reserve(&text, 65536), 1, 65536, file);
        text.length += n;
    } while (n > 0);
    fclose(file);
    buffer_text(&text);
    return buffer_take(&text, NULL);
}

void roster_read(struct roster *roster, const char *path, size_t min)
{
    size_t tag_capacity = 0, token_capacity = 0;
    char *rest, *line;

    *roster = (struct roster){ .text = roster_read_file(path) };
    for (rest = roster->text; (line = strtok_r(rest, "\n", &rest)) != NULL; roster->count++) {
        char *space = strchr(line, ' ');
        if (space == NULL)
            fail("%s: line %zu is not \"tag token\"", path, roster->count + 1);
        *space = '\0';
        roster->tags =
            array_reserve(roster->tags, roster->count, &tag_capacity, sizeof(*roster->tags));
        roster->tokens =
            array_reserve(roster->tokens, roster->count, &token_capacity, sizeof(*roster->tokens));
        roster->tags[roster->count] = line;
        roster->tokens[roster->count] = space + 1;
    }
    if (roster->count < min)
        fail("%s has %zu users, but %zu are wanted", path, roster->count, min);
}

void roster_finish(struct roster *roster)
{
    free(roster->tags);
    free(roster->tokens);
    free(roster->text);
    *roster = (struct roster){ 0 };
}
