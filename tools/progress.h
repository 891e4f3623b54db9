/* SPDX-License-Identifier: Apache-2.0 */

/* A progress bar on a terminal: how much, how fast, how long still. */

#ifndef PROGRESS_H
#define PROGRESS_H

#include <apr_pools.h>
#include <apr_time.h>

/** Longest line of the bar in bytes, with its NUL. */
#define PROGRESS_LINE_SIZE 256

/** A bar and its memory of the last seconds. All zero but fd: nothing was shown. */
typedef struct progress_t {
    int fd;           /**< the terminal */
    int shown;        /**< there is a bar on the current line */
    apr_time_t since; /**< time of the last sample, 0 before the first */
    apr_off_t bytes;  /**< of the last sample */
    double rate;      /**< bytes a second, smoothed; negative: not known yet */
} progress_t;

/** Tell where things stand; redraws now and then.
 * @param now microseconds of a clock that nobody sets */
void progress_update(progress_t *progress, apr_off_t bytes, apr_off_t total, apr_time_t now);

/** Remove the bar, so that other text can be written. */
void progress_clear(progress_t *progress);

/** The bar as text.
 * @param columns width of the terminal; narrow ones get less
 * @param rate bytes a second; not positive: not known
 * @return line */
const char *progress_line(char line[PROGRESS_LINE_SIZE], int columns, apr_off_t bytes,
                          apr_off_t total, double rate);

/** A number of bytes for people, e.g. "13.0 MiB". Returns text. */
const char *progress_size(char text[32], double bytes);

#endif
