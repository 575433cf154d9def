#ifndef GATEWAY_THREAD_STACK_H
#define GATEWAY_THREAD_STACK_H

/*
 * Gives the kernel back what the calling thread's stack holds below the caller's frame: pages that
 * were touched once. A thread that then waits for long, as one of a socket does after the
 * handshake, keeps only what it stands on. Costs a system call, and a page fault for each page that
 * is used again.
 */
void thread_stack_give_back(void);

#endif
