#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

/*
 * Waits for thousands of file descriptors in one thread. A watch belongs to the caller and must
 * live as long as the loop; its descriptor may change between loop_remove and loop_add, but not
 * while a turn runs, for what was reported of the old one would be taken for the new one's.
 */
struct loop;

struct watch {
    int fd; /* -1 = none */
    void (*ready)(struct watch *watch, uint32_t events);
};

struct loop *loop_create(void);
void loop_destroy(struct loop **loop);

void loop_add(struct loop *loop, struct watch *watch, uint32_t events);
void loop_change(struct loop *loop, struct watch *watch, uint32_t events);
void loop_remove(struct loop *loop, struct watch *watch); /* closes the descriptor */

/* Handles what is ready; waits for something at most until `until_ns` (loop_now_ns). */
void loop_turn(struct loop *loop, int64_t until_ns);

int64_t loop_now_ns(void);

#endif
