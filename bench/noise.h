/* SPDX-License-Identifier: Apache-2.0 */

/* What is in the files of a benchmark.
 *
 * All files are cut from one ring of noise; each begins at a place of its own, by its number. So
 * the content costs nothing to make, and a byte that comes from another file, or from another place
 * of the same file, is noticed. */

#ifndef NOISE_H
#define NOISE_H

#include <stddef.h>
#include <stdint.h>

/** Fill the ring; once, before the first noise_at(). It is the same in every process. */
void noise_make(void);

/** The bytes of a file from an offset on.
 * @param length at first how many bytes are wanted; receives how many lie there in one piece, at
 *        least 1 of them
 * @return static storage */
const unsigned char *noise_at(uint64_t file, uint64_t offset, size_t *length);

/** Whether these bytes are the file's, from an offset on. */
int noise_is(uint64_t file, uint64_t offset, const unsigned char *data, size_t length);

#endif
