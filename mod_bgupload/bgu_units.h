/* SPDX-License-Identifier: Apache-2.0 */

/* Sizes and times as administrators and users write them. */

#ifndef BGU_UNITS_H
#define BGU_UNITS_H

#include <apr.h>
#include <apr_time.h>

/** Longest interval that is read, in microseconds: 36500 days. */
#define BGU_INTERVAL_MAX apr_time_from_sec(APR_INT64_C(36500) * 86400)

/** Read a size: digits, then nothing or one of K, M, G, T in any case (powers of 1024).
 * @param size receives bytes
 * @return 1, or 0 if text is no size below 2^63 (size is then undefined) */
int bgu_size_parse(apr_off_t *size, const char *text);

/** Read an interval: digits, then nothing or a unit in any case: ms, s (also without a unit), m or
 * mi (minutes), h, d; as httpd's ap_timeout_parameter_parse(), with days.
 * @param interval receives microseconds
 * @return 1, or 0 if text is no interval up to BGU_INTERVAL_MAX (interval is then undefined) */
int bgu_interval_parse(apr_interval_time_t *interval, const char *text);

#endif
