#include "tests/bench/steps.h"

#include <string.h>
#include <unistd.h>

#include "tests/bench/fail.h"

enum { LINE_MAX = 64, TURN_NS = 1000000000 };

static struct input {
    struct watch watch; /* its first field */
    char line[LINE_MAX];
    size_t length;
    bool ended;
} input;

static void handle_input(struct watch *watch, uint32_t events)
{
    (void)watch;
    (void)events;
    ssize_t n = read(STDIN_FILENO, input.line + input.length, LINE_MAX - 1 - input.length);
    if (n <= 0)
        input.ended = true;
    else
        input.length += (size_t)n;
    if (input.length == LINE_MAX - 1)
        fail("a line on stdin has more than %d bytes", LINE_MAX - 1);
}

bool steps_wait(struct loop *loop)
{
    const char *end;

    if (input.watch.ready == NULL) {
        input.watch = (struct watch){ .fd = STDIN_FILENO, .ready = handle_input };
        loop_add(loop, &input.watch, EPOLLIN);
    }
    while ((end = memchr(input.line, '\n', input.length)) == NULL && !input.ended)
        loop_turn(loop, loop_now_ns() + TURN_NS);
    if (end == NULL || strncmp(input.line, "end\n", 4) == 0) {
        loop_remove(loop, &input.watch);
        return false;
    }
    input.length -= (size_t)(end + 1 - input.line);
    memmove(input.line, end + 1, input.length);
    return true;
}
