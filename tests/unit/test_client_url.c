/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "client_url.h"
#include "fixture.h"
#include "suites.h"

/** A URL as given, a file's name, and the URL made of them; NULL: refused. */
static const struct {
    const char *text;
    const char *name;
    const char *url;
} make_cases[] = {
    {"http://h/up/a.bin", "x", "http://h/up/a.bin"},
    {"http://h/up/", "x", "http://h/up/x"},
    {"http://h/up/", NULL, "http://h/up/"},
    {"http://h", "x", "http://h/x"},
    {"http://h/up/?q=1", "x", "http://h/up/x?q=1"},
    {"https://h:8443/up/#top", "a b%#", "https://h:8443/up/a%20b%25%23"},
    {"http://[::1]:80/a", NULL, "http://[::1]:80/a"},
    {"http://h/a b", NULL, "http://h/a%20b"},
    {"HTTP://h/a", NULL, "http://h/a"},
    {"h/a", NULL, NULL},
    {"", NULL, NULL},
    {"ftp://h/a", NULL, NULL},
    {"file:///a", NULL, NULL},
    {"http://bob:secret@h/a", NULL, NULL},
    {"http://bob@h/a", NULL, NULL},
    {"http://h/a\r\nX: y", NULL, NULL},
    {"http://h:99999/a", NULL, NULL},
};

static void test_make(void)
{
    fixture_t *f = fixture_open_bare();

    for (size_t i = 0; i < sizeof(make_cases) / sizeof(make_cases[0]); i++) {
        const char *url = NULL;
        const char *error = client_url_make(&url, make_cases[i].text, make_cases[i].name, f->pool);

        CASE_STR(make_cases[i].text, error ? NULL : url, make_cases[i].url);
    }
}

/** An upload is remembered by its URL: made again it stays the same, also where libcurl reads a
 * number for the host only the second time. */
static void test_make_again(void)
{
    fixture_t *f = fixture_open_bare();
    const char *url, *again;

    CHECK(client_url_make(&url, "http://%30/", NULL, f->pool) == NULL);
    CHECK(client_url_make(&again, url, NULL, f->pool) == NULL);
    CHECK_STR(again, url);
}

/** A host id, and where http://h:8080/up/a?q goes with it; NULL: nowhere. */
static const struct {
    const char *host;
    const char *url;
} host_cases[] = {
    {"node2", "http://node2:8080/up/a?q"},
    {"node2:81", "http://node2:81/up/a?q"},
    {"10.0.0.1", "http://10.0.0.1:8080/up/a?q"},
    {"[::1]", "http://[::1]:8080/up/a?q"},
    {"[::1]:81", "http://[::1]:81/up/a?q"},
    {"", NULL},
    {"a/b", NULL},
    {"bob@a", NULL},
    {"a?b", NULL},
    {"a:b", NULL},
    {"a b", NULL},
};

static void test_at_host(void)
{
    fixture_t *f = fixture_open_bare();

    for (size_t i = 0; i < sizeof(host_cases) / sizeof(host_cases[0]); i++) {
        CASE_STR(host_cases[i].host,
                 client_url_at_host("http://h:8080/up/a?q", host_cases[i].host, f->pool),
                 host_cases[i].url);
    }
}

static void test_loopback(void)
{
    fixture_t *f = fixture_open_bare();

    CHECK(client_url_is_loopback("http://localhost/a", f->pool));
    CHECK(client_url_is_loopback("http://127.1.2.3:8080/a", f->pool));
    CHECK(client_url_is_loopback("https://[::1]/a", f->pool));
    CHECK(!client_url_is_loopback("http://127.0.0.1.example.org/a", f->pool));
    CHECK(!client_url_is_loopback("http://localhost.example.org/a", f->pool));
    CHECK(!client_url_is_loopback("http://10.0.0.1/127.0.0.1", f->pool));
    CHECK_STR(client_url_host("https://h/a", f->pool), "h:443");
}

static void test_matches(void)
{
    CHECK(client_url_matches("http://h/up/a", "http://h/up/a"));
    CHECK(client_url_matches("http://h/up/a", "http://h/up/"));
    CHECK(!client_url_matches("http://h/up/a/b", "http://h/up/"));
    CHECK(!client_url_matches("http://h/up/a", "http://h/up"));
    CHECK(!client_url_matches("http://h/up/ab", "http://h/up/a"));
}

static void test_encode(void)
{
    fixture_t *f = fixture_open_bare();

    CHECK_STR(client_url_encode("aZ09-._~ %/?#\xc3\xa4\n", f->pool),
              "aZ09-._~%20%25%2F%3F%23%C3%A4%0A");
}

/** What a server names as its reply to an upload to http://h:81/up/a?q, and what it means. */
static const struct {
    const char *text;
    const char *url; /* NULL: refused */
} reply_cases[] = {
    {"http://other/a?b", "http://other/a?b"},
    {"HTTPS://other/a", "https://other/a"},
    {"/r/x.bin", "http://h:81/r/x.bin"},
    {"BITS-Sessions\\Replies\\{1}\\x.bin", "http://h:81/up/BITS-Sessions/Replies/{1}/x.bin"},
    {"//other/a", "http://other/a"},
    {"http://h/a#b", "http://h/a"},
    {"http://h/a b", "http://h/a%20b"},
    {"", NULL},
    {"http://u@h/a", NULL},
    {"http://u:p@h/a", NULL},
    {"file:///etc/passwd", NULL},
    {"ftp://h/a", NULL},
    {"javascript:alert(1)", NULL},
    {"http://h/a\r\nX: y", NULL},
};

static void test_reply(void)
{
    fixture_t *f = fixture_open_bare();

    for (size_t i = 0; i < sizeof(reply_cases) / sizeof(reply_cases[0]); i++) {
        const char *url = NULL;
        const char *error =
            client_url_reply(&url, reply_cases[i].text, "http://h:81/up/a?q", f->pool);

        CASE_STR(reply_cases[i].text, error ? NULL : url, reply_cases[i].url);
    }
}

/** What went over TLS does not come back without. */
static void test_reply_downgrade(void)
{
    fixture_t *f = fixture_open_bare();
    const char *url = NULL;

    CHECK(client_url_reply(&url, "http://h/r", "https://h/up/a", f->pool) != NULL);
    CHECK(client_url_reply(&url, "https://h/r", "https://h/up/a", f->pool) == NULL);
    CHECK(client_url_reply(&url, "//h/r", "https://h/up/a", f->pool) == NULL);
    CHECK_STR(url, "https://h/r");
}

static void test_same_origin(void)
{
    static const char *const others[] = {"https://h/a",     "http://h:81/a", "http://h.evil/a",
                                         "http://evil/h/a", "http://hh/a",   "http://h@evil/a",
                                         "not a URL"};
    fixture_t *f = fixture_open_bare();

    CHECK(client_url_same_origin("http://h/a", "http://h:80/b", f->pool));
    CHECK(client_url_same_origin("https://H/a", "https://h:443/b", f->pool));
    CHECK(!client_url_same_origin("", "", f->pool));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        CASE(others[i], !client_url_same_origin(others[i], "http://h/a", f->pool));
    }
}

static const suite_test_t tests[] = {
    {"a reply", test_reply},
    {"a reply without TLS", test_reply_downgrade},
    {"the same origin", test_same_origin},
    {"encode", test_encode},
    {"make", test_make},
    {"make again", test_make_again},
    {"at another host", test_at_host},
    {"loopback", test_loopback},
    {"matches", test_matches},
};

void suite_client_url(void)
{
    SUITE_ADD("client_url", tests);
}
