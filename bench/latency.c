/* SPDX-License-Identifier: Apache-2.0 */

#include "latency.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

uint64_t latency_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void latency_add(latency_t *latency, uint64_t nanoseconds)
{
    uint64_t micros = nanoseconds / 1000;

    if (latency->count == latency->room) {
        latency->room = latency->room > 0 ? 2 * latency->room : 1024;
        latency->micros = realloc(latency->micros, latency->room * sizeof(*latency->micros));
        if (latency->micros == NULL) {
            fprintf(stderr, "load: no memory\n");
            exit(2);
        }
    }
    latency->micros[latency->count++] = micros < UINT32_MAX ? (uint32_t)micros : UINT32_MAX;
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

double latency_percentile(latency_t *latency, int percent)
{
    size_t rank = (latency->count * (size_t)percent + 99) / 100;

    if (latency->count == 0) {
        return 0;
    }
    qsort(latency->micros, latency->count, sizeof(*latency->micros), compare);
    return latency->micros[rank > 0 ? rank - 1 : 0] / 1000.0;
}
