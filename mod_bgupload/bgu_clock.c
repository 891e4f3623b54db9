/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_clock.h"

#include <time.h>

apr_time_t bgu_clock_uptime(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return apr_time_make(now.tv_sec, now.tv_nsec / 1000);
}
