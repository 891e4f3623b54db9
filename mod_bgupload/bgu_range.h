/* SPDX-License-Identifier: Apache-2.0 */

/* Content-Range of a Fragment (protocol: fragments; RFC 9110 section 14.4). */

#ifndef BGU_RANGE_H
#define BGU_RANGE_H

#include <apr.h>

/** Bytes first (inclusive) to end (exclusive) of a file of total bytes. first <= end <= total. */
typedef struct bgu_range_t {
    apr_off_t first; /**< offset of the first byte */
    apr_off_t end;   /**< offset behind the last byte; equals first only in an empty file */
    apr_off_t total; /**< bytes of the whole file */
} bgu_range_t;

/** Read "bytes S-E/T", and the ways in which clients write an empty file: a star in the place of
 * S-E with T = 0 (unsatisfied-range), "bytes 0-0/0" and the wrapped "bytes
 * 0-18446744073709551615/0".
 * @return NULL, or what is wrong with the value (static storage), range then being undefined */
const char *bgu_range_parse(bgu_range_t *range, const char *value);

/** Read a whole number of decimal digits that fits apr_off_t, e.g. Content-Length.
 * @return 1, or 0 if text is empty, holds anything but digits or is 2^63 or more */
int bgu_offset_parse(apr_off_t *value, const char *text, apr_size_t len);

#endif
