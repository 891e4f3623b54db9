/* SPDX-License-Identifier: Apache-2.0 */

/* What the client reads from its user and shows him: sizes, times, the bar, JSON; and its patience.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bgupload_options.h"
#include "client_retry.h"
#include "fixture.h"
#include "progress.h"
#include "suites.h"
#include "text.h"

/** The line always leaves the last column free, and tells what there is room for. */
static void test_progress_line(void)
{
    static const apr_off_t mib = 1024 * 1024;
    char line[PROGRESS_LINE_SIZE];

    CHECK_STR(progress_line(line, 55, 5 * mib, 10 * mib, 0),
              " 50% [#############              ] 5.0 MiB of 10.0 MiB");
    CHECK_HAS(progress_line(line, 80, 5 * mib, 10 * mib, 1048576.0), "1.0 MiB/s  0:05 left");
    CHECK_HAS(progress_line(line, 80, 0, 3601, 1.0), "1:00:01 left");
    CHECK_HAS(progress_line(line, 80, 0, 0, -1.0), "100% [");
    for (int columns = 1; columns < 400; columns++) {
        size_t length =
            strlen(progress_line(line, columns, APR_INT64_MAX / 2, APR_INT64_MAX, 0.001));

        CASE("columns", length < (size_t)columns && length < sizeof(line));
    }
}

static const struct {
    const char *text;
    const char *json;
} string_cases[] = {
    {"a \"b\" \\c", "\"a \\\"b\\\" \\\\c\""},
    {"\n\x01\x7f", "\"\\u000a\\u0001\\u007f\""},
    {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
    {"\xff", "\"\\ufffd\""},
    {"\xc3", "\"\\ufffd\""},
    {"\xc0\x80", "\"\\ufffd\\ufffd\""},
    {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
    {"\xe2\x82", "\"\\ufffd\\ufffd\""},
};

static void test_json(void)
{
    for (size_t i = 0; i < sizeof(string_cases) / sizeof(string_cases[0]); i++) {
        char *text = NULL;
        size_t length;
        FILE *out = open_memstream(&text, &length);

        REQUIRE(out != NULL);
        text_json(out, string_cases[i].text);
        REQUIRE(fclose(out) == 0);
        CASE_STR(string_cases[i].json, text, string_cases[i].json);
        free(text);
    }
}

/** Waits grow to a minute, never pass the limit, and start again after progress. */
static void test_patience(void)
{
    client_patience_t patience = {.limit = apr_time_from_sec(600)};
    apr_time_t now = 5, begin = now;
    apr_interval_time_t wait, longest = 0;
    int tries = 0;

    CHECK_INT(client_patience_wait(&patience, now, 0, 0), apr_time_from_sec(1));
    CHECK_INT(client_patience_wait(&patience, now, 0, 0), apr_time_from_sec(2));
    CHECK_INT(client_patience_wait(&patience, now, apr_time_from_sec(50), 0),
              apr_time_from_sec(50));
    while ((wait = client_patience_wait(&patience, now, 0, 1023)) >= 0 && tries++ < 1000) {
        longest = wait > longest ? wait : longest;
        now += wait;
    }
    CHECK(longest > apr_time_from_sec(44) && longest <= apr_time_from_sec(60));
    CHECK_INT(now - begin, patience.limit);
    client_patience_renew(&patience);
    CHECK_INT(client_patience_wait(&patience, now, 0, 0), apr_time_from_sec(1));
    patience = (client_patience_t){.limit = 0};
    CHECK(client_patience_wait(&patience, now, 0, 0) < 0);
}

static const suite_test_t tests[] = {
    {"the progress line", test_progress_line},
    {"JSON strings", test_json},
    {"patience", test_patience},
};

void suite_client_text(void)
{
    SUITE_ADD("client_text", tests);
}
