/* SPDX-License-Identifier: Apache-2.0 */

/* What a server costs: the process that was started and all its descendants. */

#ifndef PROCESS_H
#define PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/** What a tree of processes has used. */
typedef struct cost_t {
    double cpu;   /**< seconds of user and system time since each began, ended children included */
    uint64_t pss; /**< KiB of memory now; what several processes share is shared out */
    int count;    /**< of processes */
} cost_t;

/** Look at a tree of processes. A process's own time comes from its CPU clock, which is exact where
 * /proc/PID/stat only counts hundredths of a second; that of children which have ended from there.
 * @param root its first process
 * @return 0 if that one does not exist, or may not be looked at */
int process_cost(pid_t root, cost_t *cost);

/** CPU seconds of this program. */
double process_own_cpu(void);

#endif
