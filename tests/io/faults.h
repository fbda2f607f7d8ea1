/* faults.h: makes the k-th call of chosen functions fail, once or from then on. test_faults.c sets it; faults.c wraps
 * the calls at link time. */
#ifndef SJ_TEST_IO_FAULTS_H
#define SJ_TEST_IO_FAULTS_H

#include <stdbool.h>

enum {
    FAULT_MEMORY = 1,
    FAULT_OPEN = 2,
    FAULT_READ = 4,
    FAULT_WRITE = 8,
    FAULT_SYNC = 16,
    FAULT_CLOSE = 32,
    FAULT_RENAME = 64,
};

/* `reason` 0 makes reads and writes short instead of failing. */
void faults_arm(unsigned kinds, int kth, bool for_ever, int reason);

/* Disarms; returns how many calls failed or were cut short. */
int faults_disarm(void);

/* Allocations made through the wrapped calls and not freed yet. */
long faults_live_allocations(void);

#endif
