/* SPDX-License-Identifier: Apache-2.0 */

/* Times of many requests. */

#ifndef LATENCY_H
#define LATENCY_H

#include <stddef.h>
#include <stdint.h>

/** All times of one kind; zeroed at the beginning. */
typedef struct latency_t {
    uint32_t *micros; /**< each of them */
    size_t count;     /**< of times */
    size_t room;      /**< for times */
} latency_t;

/** Nanoseconds of a clock that only goes forward. */
uint64_t latency_now(void);

/** Add a time. */
void latency_add(latency_t *latency, uint64_t nanoseconds);

/** The time that percent of all times do not exceed, in milliseconds; 0 without times. */
double latency_percentile(latency_t *latency, int percent);

#endif
