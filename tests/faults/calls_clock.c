/* SPDX-License-Identifier: Apache-2.0 */

/* The time of day, set back or forward, and the time since the machine was started. The monotonic
 * clock goes on as it does. */

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "faults_private.h"

static time_t shift(void)
{
    return faults != NULL ? (time_t)atomic_load(&faults->clock_shift) : 0;
}

/** Take microseconds off a time. */
static void take_off(struct timespec *time, long long microseconds)
{
    long long nanoseconds = time->tv_sec * 1000000000LL + time->tv_nsec - microseconds * 1000;

    time->tv_sec = (time_t)(nanoseconds / 1000000000);
    time->tv_nsec = (long)(nanoseconds % 1000000000);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, now);

    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += shift();
    }
    if (rc == 0 && clock == CLOCK_BOOTTIME && faults != NULL) {
        take_off(now, atomic_load(&faults->booted));
    }
    return rc;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int rc = (int)syscall(SYS_gettimeofday, now, zone);

    if (rc == 0) {
        now->tv_sec += shift();
    }
    return rc;
}

time_t time(time_t *result)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (result != NULL) {
        *result = now.tv_sec;
    }
    return now.tv_sec;
}
