/* SPDX-License-Identifier: Apache-2.0 */

/* Sizes and times of directives and options. */

#include "harness.h"

#include <string.h>
#include <apr_strings.h>

#include "bgu_units.h"

void fuzz_one(const char *data, size_t size, apr_pool_t *pool)
{
    const char *text = fuzz_text(data, size, pool);
    apr_interval_time_t interval, same;
    apr_off_t bytes, again;

    if (bgu_size_parse(&bytes, text)) {
        HOLDS(bytes >= 0);
        HOLDS(bgu_size_parse(&again, apr_off_t_toa(pool, bytes)) && again == bytes);
    }
    if (bgu_interval_parse(&interval, text)) {
        HOLDS(interval >= 0 && interval <= BGU_INTERVAL_MAX);
        HOLDS(interval % 1000 == 0);
        text = apr_psprintf(pool, "%" APR_TIME_T_FMT "ms", interval / 1000);
        HOLDS(bgu_interval_parse(&same, text) && same == interval);
    }
}
