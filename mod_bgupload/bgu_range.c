/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_range.h"

#include <string.h>
#include <strings.h>
#include <apr_lib.h>

#define OFFSET_MAX APR_INT64_MAX

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

int bgu_offset_parse(apr_off_t *value, const char *text, apr_size_t len)
{
    apr_off_t sum = 0;

    if (len == 0) {
        return 0;
    }
    for (apr_size_t i = 0; i < len; i++) {
        if (!apr_isdigit(text[i])) {
            return 0;
        }
        int digit = text[i] - '0';
        if (sum > (OFFSET_MAX - digit) / 10) {
            return 0;
        }
        sum = sum * 10 + digit;
    }
    *value = sum;
    return 1;
}

/* Whether the range before the slash is one of the ways to write the whole of an empty file. The
 * last is 0 - 1 in a client that counts in unsigned 64 bits. */
static int is_empty_file(const char *range, apr_size_t len)
{
    static const char *const forms[] = {"*", "0-0", "0-18446744073709551615"};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (len == strlen(forms[i]) && strncmp(range, forms[i], len) == 0) {
            return 1;
        }
    }
    return 0;
}

const char *bgu_range_parse(bgu_range_t *range, const char *value)
{
    apr_off_t first, last, total;

    if (strncasecmp(value, "bytes", 5) != 0 || !is_blank(value[5])) {
        return "is not \"bytes S-E/T\"";
    }
    value += 6;
    while (is_blank(*value)) {
        value++;
    }
    const char *slash = strchr(value, '/');
    if (slash == NULL) {
        return "has no total behind a slash";
    }
    if (!bgu_offset_parse(&total, slash + 1, strlen(slash + 1))) {
        return "has a total that is no number below 2^63";
    }
    if (total == 0 && is_empty_file(value, (apr_size_t)(slash - value))) {
        *range = (bgu_range_t){0, 0, 0};
        return NULL;
    }
    const char *hyphen = memchr(value, '-', (size_t)(slash - value));
    if (hyphen == NULL || !bgu_offset_parse(&first, value, (apr_size_t)(hyphen - value)) ||
        !bgu_offset_parse(&last, hyphen + 1, (apr_size_t)(slash - hyphen - 1))) {
        return "has positions that are no numbers below 2^63";
    }
    if (first > last) {
        return "ends before it starts";
    }
    if (last >= total) {
        return "reaches beyond its total";
    }
    *range = (bgu_range_t){first, last + 1, total};
    return NULL;
}
