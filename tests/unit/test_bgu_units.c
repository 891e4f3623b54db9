/* SPDX-License-Identifier: Apache-2.0 */

#include "../../mod_bgupload/bgu_units.h"
#include "fixture.h"
#include "suites.h"

#define DAY APR_INT64_C(86400000000)

/** A text and what it means; -1: refused. */
struct unit_case {
    const char *text;
    long long value;
};

static const struct unit_case sizes[] = {
    {"0", 0},
    {"5120", 5120},
    {"5K", 5120},
    {"13M", 13631488},
    {"2g", 2147483648},
    {"1T", 1099511627776},
    {"9223372036854775807", APR_INT64_MAX},
    {"8388607T", 9223370937343148032},
    {"8388608T", -1},
    {"9223372036854775808", -1},
    {"8191P", -1},
    {"5KB", -1},
    {"5MM", -1},
    {"", -1},
    {"K", -1},
    {"-1", -1},
    {"+1", -1},
    {" 1", -1},
    {"1.5M", -1},
    {"5 K", -1},
    {"0x10", -1},
};

static const struct unit_case intervals[] = {
    {"0", 0},
    {"90", 90000000},
    {"1500ms", 1500000},
    {"90s", 90000000},
    {"10m", 600000000},
    {"10mi", 600000000},
    {"10MIN", 600000000},
    {"2h", 7200000000},
    {"2H", 7200000000},
    {"14d", 14 * DAY},
    {"36500d", 36500 * DAY},
    {"36501d", -1},
    {"876000h", 36500 * DAY},
    {"876001h", -1},
    {"3153600001", -1},
    {"9223372036854775807d", -1},
    {"99999999999999999999", -1},
    {"", -1},
    {"s", -1},
    {"-1s", -1},
    {"1w", -1},
    {"1.5h", -1},
    {"1 h", -1},
    {"1x", -1},
    {"30sec", 30000000},
    {"2Hours", 7200000000},
    {"1minute", 60000000},
};

static void test_sizes(void)
{
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        apr_off_t size;
        int ok = bgu_size_parse(&size, sizes[i].text);

        CASE_INT(sizes[i].text, ok ? size : -1, sizes[i].value);
    }
}

static void test_intervals(void)
{
    for (size_t i = 0; i < sizeof(intervals) / sizeof(intervals[0]); i++) {
        apr_interval_time_t interval;
        int ok = bgu_interval_parse(&interval, intervals[i].text);

        CASE_INT(intervals[i].text, ok ? interval : -1, intervals[i].value);
    }
}

static const suite_test_t tests[] = {
    {"sizes", test_sizes},
    {"intervals", test_intervals},
};

void suite_units(void)
{
    SUITE_ADD("units", tests);
}
