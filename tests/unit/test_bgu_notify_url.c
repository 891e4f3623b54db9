/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_notify_answer.h"
#include "fixture.h"
#include "suites.h"

#define BASE "http://host:81/folder/sub/file.bin"

/** A notification URL as configured, the destination's query, and what is asked; NULL: nothing. */
struct url_case {
    const char *url;
    const char *query;
    const char *expected;
};

static const struct url_case cases[] = {
    {"http://app/in", "", "http://app/in"},
    {"https://app:8443/in", "", "https://app:8443/in"},
    {"HTTP://app/in", "", "http://app/in"},
    {"http://app", "", "http://app/"},
    {"http://[::1]:8080/in", "", "http://[::1]:8080/in"},
    {"/in", "", "http://host:81/in"},
    {"in", "", "http://host:81/folder/sub/in"},
    {"in/", "", "http://host:81/folder/sub/in/"},
    {"./in", "", "http://host:81/folder/sub/in"},
    {"../in", "", "http://host:81/folder/in"},
    {"../../../../in", "", "http://host:81/in"},
    {"//app/in", "", "http://app/in"},
    {"?k=v", "", "http://host:81/folder/sub/file.bin?k=v"},
    {"http://app/in", "a=1", "http://app/in?a=1"},
    {"http://app", "a=1", "http://app/?a=1"},
    {"http://app/in?k=v", "", "http://app/in?k=v"},
    {"http://app/in?k=v", "a=1", "http://app/in?k=v&a=1"},
    {"http://app/in", "a=1&b=2", "http://app/in?a=1&b=2"},
    {"http://app/in", "a=%20%26%3d", "http://app/in?a=%20%26%3d"},
    {"http://app/in", "a=b?c/d", "http://app/in?a=b?c/d"},
    {"in", "a=1", "http://host:81/folder/sub/in?a=1"},
    {"ftp://app/in", "", NULL},
    {"file:///etc/passwd", "", NULL},
    {"gopher://app/in", "", NULL},
    {"http://", "", NULL},
    {"http://app:99999/", "", NULL},
    {"http://app:port/", "", NULL},
    {"http://two words/", "", NULL},
    {"http://app/in\r\nX-Evil: 1", "", NULL},
};

static void test_urls(void)
{
    fixture_t *f = fixture_open_bare();
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct url_case *c = &cases[i];
        const char *name = apr_pstrcat(f->pool, c->url, " ", c->query, NULL);

        CASE_STR(name, bgu_notify_url(c->url, BASE, c->query, f->pool), c->expected);
    }
}

/** What a client writes behind the question mark stays on its line. */
static void test_hostile_queries(void)
{
    static const char *const queries[] = {"a\r\nX-Evil: 1", "a b", "a#b",
                                          "\x01\x02",       "%",   "%0d%0a"};
    fixture_t *f = fixture_open_bare();
    size_t i;

    for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        const char *url = bgu_notify_url("http://app/in", BASE, queries[i], f->pool);

        CASE(queries[i], url == NULL || strpbrk(url, "\r\n \x01\x02") == NULL);
    }
}

static void test_https_base(void)
{
    fixture_t *f = fixture_open_bare();

    CHECK_STR(bgu_notify_url("/in", "https://host/folder/file", "q", f->pool), "https://host/in?q");
    CHECK(bgu_notify_url("in", "nonsense", "", f->pool) == NULL);
    CHECK(bgu_notify_url("in", "", "", f->pool) == NULL);
}

static const suite_test_t tests[] = {
    {"absolute, relative, queries", test_urls},
    {"hostile queries", test_hostile_queries},
    {"the destination's URL", test_https_base},
};

void suite_notify_url(void)
{
    SUITE_ADD("notify_url", tests);
}
