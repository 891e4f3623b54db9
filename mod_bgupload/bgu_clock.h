/* SPDX-License-Identifier: Apache-2.0 */

/* A clock that nobody sets. The time of day (apr_time_now()) is for what is stored or shown;
 * whoever waits or counts takes this one, since the other may be set back by a year meanwhile. */

#ifndef BGU_CLOCK_H
#define BGU_CLOCK_H

#include <apr_time.h>

/** Microseconds since the machine was started, those it slept included. */
apr_time_t bgu_clock_uptime(void);

#endif
