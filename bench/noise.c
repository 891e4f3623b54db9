/* SPDX-License-Identifier: Apache-2.0 */

#include "noise.h"

#include <string.h>

/** Bytes of the ring: the largest prime below 1 MiB, so that no power of two comes back to the same
 * place, and few enough to stay in a processor's cache. */
#define PERIOD 1048573u

/** Bytes from the beginning of one file to that of the next; no divisor of the period. */
#define STRIDE 74093u

static unsigned char ring[PERIOD];

void noise_make(void)
{
    uint64_t state = 88172645463325252u;
    size_t i;

    for (i = 0; i < PERIOD; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ring[i] = (unsigned char)(state >> 32);
    }
}

const unsigned char *noise_at(uint64_t file, uint64_t offset, size_t *length)
{
    size_t start = (size_t)((file % PERIOD * STRIDE + offset % PERIOD) % PERIOD);

    if (*length > PERIOD - start) {
        *length = PERIOD - start;
    }
    return ring + start;
}

int noise_is(uint64_t file, uint64_t offset, const unsigned char *data, size_t length)
{
    while (length > 0) {
        size_t piece = length;
        const unsigned char *expected = noise_at(file, offset, &piece);

        if (memcmp(data, expected, piece) != 0) {
            return 0;
        }
        data += piece;
        offset += piece;
        length -= piece;
    }
    return 1;
}
