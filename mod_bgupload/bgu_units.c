/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_units.h"

#include <string.h>
#include <strings.h>
#include "bgu_range.h"

int bgu_size_parse(apr_off_t *size, const char *text)
{
    static const char *const units[] = {"", "K", "M", "G", "T"};
    apr_size_t digits = strspn(text, "0123456789");

    if (!bgu_offset_parse(size, text, digits)) {
        return 0;
    }
    for (int i = 0; i < (int)(sizeof(units) / sizeof(units[0])); i++) {
        if (strcasecmp(text + digits, units[i]) == 0 && *size <= APR_INT64_MAX >> (10 * i)) {
            *size <<= 10 * i;
            return 1;
        }
    }
    return 0;
}

/* Microseconds of a unit, 0 if it is none. Like httpd, which looks at no more than the first
 * letters: 30sec and 2hours are times. */
static apr_interval_time_t unit_of(const char *name)
{
    static const struct {
        const char *prefix;
        apr_interval_time_t length;
    } units[] = {{"ms", APR_USEC_PER_SEC / 1000},
                 {"mi", 60 * APR_USEC_PER_SEC},
                 {"s", APR_USEC_PER_SEC},
                 {"h", 3600 * APR_USEC_PER_SEC},
                 {"d", 86400 * APR_USEC_PER_SEC}};

    if (*name == '\0') {
        return APR_USEC_PER_SEC;
    }
    if (strcasecmp(name, "m") == 0) {
        return 60 * APR_USEC_PER_SEC;
    }
    for (apr_size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strncasecmp(name, units[i].prefix, strlen(units[i].prefix)) == 0) {
            return units[i].length;
        }
    }
    return 0;
}

int bgu_interval_parse(apr_interval_time_t *interval, const char *text)
{
    apr_size_t digits = strspn(text, "0123456789");
    apr_interval_time_t unit = unit_of(text + digits);
    apr_off_t number;

    if (unit == 0 || !bgu_offset_parse(&number, text, digits) || number > BGU_INTERVAL_MAX / unit) {
        return 0;
    }
    *interval = number * unit;
    return 1;
}
