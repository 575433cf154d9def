#include "services/messengerctl/first_line.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "services/common/base/memory.h"

enum { LINE_SIZE = 4096 };

char *first_line_read(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[LINE_SIZE] = "";

    if (file == NULL)
        return NULL;
    bool failed = fgets(line, sizeof(line), file) == NULL && ferror(file) != 0;
    int error = errno;
    fclose(file);
    line[strcspn(line, "\r\n")] = '\0';
    char *copy = failed ? NULL : xstrdup(line);
    memory_wipe(line, sizeof(line));
    errno = error;
    return copy;
}
