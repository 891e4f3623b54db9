/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "../../mod_bgupload/bgu_range.h"
#include "fixture.h"
#include "suites.h"

#define MAX_OFF 9223372036854775807LL

/** A Content-Range that is accepted, and what it means. */
struct range_case {
    const char *value;
    long long first;
    long long end;
    long long total;
};

static const struct range_case good[] = {
    {"bytes 0-4891/4892", 0, 4892, 4892},
    {"bytes 0-0/1", 0, 1, 1},
    {"bytes 0-0/2", 0, 1, 2},
    {"bytes 9-9/10", 9, 10, 10},
    {"bytes 0-8/10", 0, 9, 10},
    {"bytes 5-7/10", 5, 8, 10},
    {"bytes 4294967295-4294967296/4294967297", 4294967295LL, 4294967297LL, 4294967297LL},
    {"bytes 0-9223372036854775806/9223372036854775807", 0, MAX_OFF, MAX_OFF},
    {"bytes 9223372036854775806-9223372036854775806/9223372036854775807", MAX_OFF - 1, MAX_OFF,
     MAX_OFF},
    {"bytes 007-0008/00010", 7, 9, 10},
    {"bytes */0", 0, 0, 0},
    {"bytes 0-0/0", 0, 0, 0},
    {"bytes 0-18446744073709551615/0", 0, 0, 0},
};

static const char *const bad[] = {
    "",
    " ",
    "bytes",
    "bytes ",
    "bytes 0",
    "bytes 0-",
    "bytes 0-1",
    "bytes 0-1/",
    "bytes -",
    "bytes -/",
    "bytes /",
    "bytes -1/2",
    "bytes -/2",
    "bytes 0-/2",
    "bytes 0-1/*",
    "bytes */*",
    "bytes *",
    "bytes */",
    "bytes */1",
    "bytes */00x",
    "bytes **/0",
    "bytes *-*/0",
    "bytes 0-*/0",
    "bytes 0--1/0",
    "bytes -1-0/0",
    "bytes -1--1/0",
    "bytes 1-0/0",
    "bytes 1-1/0",
    "bytes 0-1/0",
    "bytes 0-18446744073709551614/0",
    "bytes 0-18446744073709551616/0",
    "bytes 0-184467440737095516150/0",
    "bytes 1-18446744073709551615/0",
    "bytes 0-18446744073709551615/1",
    "bytes 0-18446744073709551615/18446744073709551616",
    "bytes 5-4/10",
    "bytes 1-0/10",
    "bytes 0-10/10",
    "bytes 10-10/10",
    "bytes 10-11/10",
    "bytes 0-9223372036854775807/9223372036854775808",
    "bytes 0-0/9223372036854775808",
    "bytes 0-9223372036854775807/9223372036854775807",
    "bytes 9223372036854775807-9223372036854775807/9223372036854775807",
    "bytes 9223372036854775808-9223372036854775809/9223372036854775810",
    "bytes 18446744073709551616-18446744073709551616/18446744073709551617",
    "bytes 18446744073709551615-0/1",
    "bytes 99999999999999999999999999999999-99999999999999999999999999999999/5",
    "bytes +0-+1/+2",
    "bytes 0x0-0x1/0x2",
    "bytes 0 - 1 / 2",
    "bytes 0-1 /2",
    "bytes 0-1/ 2",
    "bytes 0-1/2,3-4/5",
    "bytes 0-1/2 x",
    "bytes 0-1/2x",
    "bytes 0-1/2.0",
    "bytes 0-1e1/20",
    "bytes 0-1//2",
    "bytes 0--1/2",
    "bytes 0-1-1/2",
    "bytes:0-1/2",
    "bytes=0-1/2",
    "bytes0-1/2",
    "bytesx 0-1/2",
    "byte 0-1/2",
    "items 0-1/2",
    "0-1/2",
    "bytes \xd9\xa0-\xd9\xa1/\xd9\xa2",
    "%s%n%s%n",
    "garbage",
};

static void test_good(void)
{
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        bgu_range_t range;

        memset(&range, 0x5a, sizeof(range));
        CASE_STR(good[i].value, bgu_range_parse(&range, good[i].value), NULL);
        CASE_INT(good[i].value, range.first, good[i].first);
        CASE_INT(good[i].value, range.end, good[i].end);
        CASE_INT(good[i].value, range.total, good[i].total);
    }
}

static void test_bad(void)
{
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bgu_range_t range;
        const char *wrong = bgu_range_parse(&range, bad[i]);

        CASE(bad[i], wrong != NULL && *wrong != '\0');
    }
}

/** A text and the offset that it is; negative: none. */
struct offset_case {
    const char *text;
    long long value;
};

static const struct offset_case offsets[] = {
    {"0", 0},
    {"1", 1},
    {"4892", 4892},
    {"2147483648", 2147483648LL},
    {"4294967296", 4294967296LL},
    {"9223372036854775807", MAX_OFF},
    {"00000000000000000000000000000000000012", 12},
    {"", -1},
    {" ", -1},
    {"-1", -1},
    {"-0", -1},
    {"+1", -1},
    {" 1", -1},
    {"1 ", -1},
    {"1\n", -1},
    {"1,1", -1},
    {"1, 1", -1},
    {"0x10", -1},
    {"1e3", -1},
    {"1.0", -1},
    {"one", -1},
    {"9223372036854775808", -1},
    {"18446744073709551615", -1},
    {"18446744073709551616", -1},
    {"18446744073709551617", -1},
    {"92233720368547758070", -1},
    {"99999999999999999999999999999999999999", -1},
    {"\xd9\xa1", -1},
};

static void test_offset(void)
{
    size_t i;

    for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        const struct offset_case *c = &offsets[i];
        apr_off_t value = 77;
        int found = bgu_offset_parse(&value, c->text, strlen(c->text));

        CASE_INT(c->text, found != 0, c->value >= 0);
        if (found && c->value >= 0) {
            CASE_INT(c->text, value, c->value);
        }
    }
}

static void test_offset_length(void)
{
    apr_off_t value = 0;

    CHECK(bgu_offset_parse(&value, "1234", 2));
    CHECK_INT(value, 12);
    CHECK(bgu_offset_parse(&value, "12x4", 2));
    CHECK_INT(value, 12);
    CHECK(!bgu_offset_parse(&value, "1234", 0));
    CHECK(!bgu_offset_parse(&value, "1\0002", 3));
}

static const suite_test_t tests[] = {
    {"ranges that are accepted", test_good},
    {"ranges that are refused", test_bad},
    {"offsets", test_offset},
    {"offsets of exactly so many characters", test_offset_length},
};

void suite_range(void)
{
    SUITE_ADD("range", tests);
}
