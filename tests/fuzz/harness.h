/* SPDX-License-Identifier: Apache-2.0 */

/* What all fuzz targets share. A target is one file fuzz_<target>.c with fuzz_one(), which feeds an
 * input to what it is about and holds the result to what must be true of it:
 *
 *     void fuzz_one(const char *data, size_t size, apr_pool_t *pool)
 *     {
 *         bgu_range_t range;
 *
 *         if (bgu_range_parse(&range, fuzz_text(data, size, pool)) == NULL) {
 *             HOLDS(range.first <= range.end);
 *         }
 *     }
 *
 * While an input is worked on, every piece of memory from a pool is one from malloc, so that
 * AddressSanitizer sees where it ends (harness_memory.c). */

#ifndef HARNESS_H
#define HARNESS_H

#include <stddef.h>
#include <apr_pools.h>

/** Work on one input: the target's own.
 * @param data size bytes, not ended by a NUL
 * @param pool of this input; destroyed behind it */
void fuzz_one(const char *data, size_t size, apr_pool_t *pool);

/** What a target needs for all inputs; called once, before the first. Does nothing unless the
 * target has one of its own.
 * @param pool lives until the end */
void fuzz_setup(apr_pool_t *pool);

/** The condition holds, or the input is kept as a crash. */
#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fuzz_broken(__FILE__, __LINE__, #condition);                                           \
        }                                                                                          \
    } while (0)

/** Behind HOLDS(): say what does not hold, and end. */
void fuzz_broken(const char *file, int line, const char *condition) __attribute__((noreturn));

/** The bytes as a string in memory of exactly its size, cut at the first NUL. */
char *fuzz_text(const char *data, size_t size, apr_pool_t *pool);

/** Take the next line.
 * @param data, size what is left, both moved on
 * @param length receives the bytes of the line
 * @return the line without its end in memory of exactly its size, not ended by a NUL; NULL: there
 *         is no more */
char *fuzz_line(const char **data, size_t *size, size_t *length, apr_pool_t *pool);

/** The same as a string, "" when there is no more; cut at the first NUL. */
char *fuzz_word(const char **data, size_t *size, apr_pool_t *pool);

/** Whether no byte is a control character (a tab is one) or DEL. */
int fuzz_is_plain(const char *text);

/** Path in a temporary folder, below TMPDIR, that is removed in the end, but not after a crash.
 * @param name without a leading slash */
const char *fuzz_path(const char *name, apr_pool_t *pool);

/** Replace a file by one of these bytes. */
void fuzz_write(const char *path, const void *bytes, size_t size);

#endif
