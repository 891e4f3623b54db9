/* SPDX-License-Identifier: Apache-2.0 */

/* Content-Range, and the numbers in it. */

#include "harness.h"

#include <string.h>
#include <apr_strings.h>

#include "bgu_range.h"

static void check_offset(const char *data, size_t size, apr_pool_t *pool)
{
    apr_off_t value;

    if (bgu_offset_parse(&value, data, size)) {
        const char *text = apr_off_t_toa(pool, value);
        size_t zeros = size - strlen(text);

        /* The same digits, but for zeros before them. */
        HOLDS(value >= 0 && strlen(text) <= size);
        HOLDS(memcmp(data + zeros, text, strlen(text)) == 0);
        HOLDS(strspn(data, "0") >= zeros);
    }
}

void fuzz_one(const char *data, size_t size, apr_pool_t *pool)
{
    const char *text = fuzz_text(data, size, pool);
    bgu_range_t range, again;

    check_offset(text, strlen(text), pool);
    if (bgu_range_parse(&range, text) != NULL) {
        return;
    }
    HOLDS(range.first >= 0 && range.first <= range.end && range.end <= range.total);
    HOLDS(range.first < range.end || range.total == 0);
    if (range.total > 0) {
        text = apr_psprintf(pool, "bytes %" APR_OFF_T_FMT "-%" APR_OFF_T_FMT "/%" APR_OFF_T_FMT,
                            range.first, range.end - 1, range.total);
        HOLDS(bgu_range_parse(&again, text) == NULL);
        HOLDS(memcmp(&again, &range, sizeof(range)) == 0);
    }
}
