/* SPDX-License-Identifier: Apache-2.0 */

/* What the headers of a server application's answer say, and what a whole answer means. */

#include <string.h>
#include <apr_strings.h>

#include "../../mod_bgupload/bgu_notify_answer.h"
#include "fixture.h"
#include "suites.h"

/** The headers of an answer, lines ended by "\n". */
struct head_case {
    const char *lines;
    const char *static_url; /**< expected */
    int copy;               /**< expected */
};

static const struct head_case heads[] = {
    {"HTTP/1.1 200 OK\n", NULL, 0},
    {"HTTP/1.1 200 OK\nBITS-Static-Response-URL: \t http://a/b \r\n", "http://a/b", 0},
    {"HTTP/1.1 200 OK\nbits-static-response-url:http://a/b\n", "http://a/b", 0},
    {"HTTP/1.1 200 OK\nBITS-Static-Response-URL:\n", "", 0},
    {"HTTP/1.1 200 OK\nBITS-Static-Response-URL\n", NULL, 0},
    {"HTTP/1.1 200 OK\nX-BITS-Static-Response-URL: x\nBITS-Static-Response-URLs: x\n", NULL, 0},
    {"HTTP/1.1 200 OK\nBITS-Copy-File-To-Destination:\n", NULL, 1},
    {"HTTP/1.1 103 Early\nBITS-Copy-File-To-Destination: 1\nBITS-Static-Response-URL: x\n"
     "HTTP/1.1 200 OK\n",
     NULL, 0},
};

/** Feed the lines, each from memory that ends with it. */
static void feed(bgu_verdict_t *verdict, const char *lines, apr_pool_t *pool)
{
    while (*lines) {
        apr_size_t len = strcspn(lines, "\n") + 1;

        bgu_notify_header(verdict, lines, len, pool);
        lines += len;
    }
}

static void test_headers(void)
{
    fixture_t *f = fixture_open_bare();
    size_t i;

    for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        bgu_verdict_t verdict = {.result = BGU_OK};

        feed(&verdict, heads[i].lines, f->pool);
        CASE_STR(heads[i].lines, verdict.static_url, heads[i].static_url);
        CASE_INT(heads[i].lines, verdict.copy, heads[i].copy);
    }
}

/** URLs at which an application keeps the reply, and what the client hears of an answer that names
 * one: it would stand in a header. */
static void test_static_urls(void)
{
    static const struct {
        const char *url;
        bgu_result_e result;
    } urls[] = {
        {"http://host/reply", BGU_OK},
        {"https://host/\xC3\xA4%20?a=b#c", BGU_OK},
        {"", BGU_APP_BROKEN},
        {"/reply", BGU_APP_BROKEN},
        {"://host/", BGU_APP_BROKEN},
        {"http://host/a b", BGU_APP_BROKEN},
        {"http://host/\tb", BGU_APP_BROKEN},
        {"http://host/\x1B[2J", BGU_APP_BROKEN},
        {"http://host/\rb", BGU_APP_BROKEN},
        {"http://host/\x7F", BGU_APP_BROKEN},
        {"http://host/\"", BGU_APP_BROKEN},
    };
    fixture_t *f = fixture_open_bare();
    bgu_notification_t ask = {.url = "http://app/", .reply_path = fixture_path(f, "reply")};
    size_t i;

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        bgu_verdict_t verdict = {.static_url = urls[i].url, .status = 200};

        bgu_notify_judge(&verdict, &ask, f->pool);
        CASE_INT(urls[i].url, verdict.result, urls[i].result);
        CASE_INT(urls[i].url, verdict.has_reply, 0);
    }
}

static const suite_test_t tests[] = {
    {"headers", test_headers},
    {"URLs of replies", test_static_urls},
};

void suite_notify_answer(void)
{
    SUITE_ADD("notify_answer", tests);
}
