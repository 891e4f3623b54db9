/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "client_head.h"
#include "fixture.h"
#include "suites.h"

/** Feed lines split by \n. */
static void feed(client_head_t *head, const char *text)
{
    client_head_clear(head);
    while (*text) {
        size_t len = strcspn(text, "\n");

        client_head_line(head, text, len);
        text += len + (text[len] == '\n');
    }
}

/** The head of an answer, the bytes that are there ("e" is their entity tag), and what it means. */
static const struct {
    const char *lines;
    apr_off_t have;
    client_body_e body;
    apr_off_t total;
} cases[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", 0, CLIENT_BODY_WHOLE, 5},
    {"HTTP/1.1 200 OK\ncontent-length: 0\n", 0, CLIENT_BODY_WHOLE, 0},
    {"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n", 0, CLIENT_BODY_WHOLE, -1},
    {"HTTP/1.1 200 OK\nContent-Length: 5\nETag: \"f\"\n", 3, CLIENT_BODY_WHOLE, 5},
    /* Its end could not be told from a connection that broke. */
    {"HTTP/1.1 200 OK\n", 0, CLIENT_BODY_UNUSABLE, -1},
    {"HTTP/1.1 200 OK\nContent-Length: x\n", 0, CLIENT_BODY_UNUSABLE, -1},
    {"HTTP/1.1 200 OK\nContent-Length: 9223372036854775808\n", 0, CLIENT_BODY_UNUSABLE, -1},
    {"HTTP/1.1 200 OK\nContent-Length: 5\nContent-Encoding: gzip\n", 0, CLIENT_BODY_UNUSABLE, 5},
    {"HTTP/1.1 200 OK\nContent-Length: 5\nContent-Encoding: identity\n", 0, CLIENT_BODY_WHOLE, 5},
    {"HTTP/1.1 206 P\nContent-Range: bytes 3-4/5\n", 3, CLIENT_BODY_REST, 5},
    {"HTTP/1.1 206 P\nContent-Range: bytes 3-4/5\nETag: \"e\"\n", 3, CLIENT_BODY_REST, 5},
    {"HTTP/1.1 206 P\nContent-Range: bytes 3-4/5\nETag: \"f\"\n", 3, CLIENT_BODY_OTHER, 5},
    {"HTTP/1.1 206 P\nContent-Range: bytes 2-4/5\n", 3, CLIENT_BODY_OTHER, 5},
    {"HTTP/1.1 206 P\nContent-Range: bytes 3-4/*\n", 3, CLIENT_BODY_OTHER, -1},
    {"HTTP/1.1 206 P\nContent-Range: bytes 3-4/3\n", 3, CLIENT_BODY_OTHER, 3},
    {"HTTP/1.1 206 P\nContent-Range: items 3-4/5\n", 3, CLIENT_BODY_OTHER, -1},
    {"HTTP/1.1 206 P\nContent-Range: bytes\n", 3, CLIENT_BODY_OTHER, -1},
    {"HTTP/1.1 206 P\n", 3, CLIENT_BODY_OTHER, -1},
    {"HTTP/1.1 206 P\nContent-Range: bytes 0-4/5\n", 0, CLIENT_BODY_UNUSABLE, 5},
    {"HTTP/1.1 416 R\nContent-Range: bytes */3\n", 3, CLIENT_BODY_NOTHING, 3},
    {"HTTP/1.1 416 R\nContent-Range: bytes */2\n", 3, CLIENT_BODY_OTHER, 2},
    {"HTTP/1.1 416 R\n", 3, CLIENT_BODY_OTHER, -1},
    {"HTTP/1.1 204 N\nContent-Length: 0\n", 0, CLIENT_BODY_NONE, -1},
    {"HTTP/1.1 302 F\nContent-Length: 5\n", 0, CLIENT_BODY_NONE, -1},
    {"HTTP/1.1 404 N\nContent-Length: 5\n", 0, CLIENT_BODY_NONE, -1},
    {"HTTP/1.1 x\n", 0, CLIENT_BODY_NONE, -1},
    {"", 0, CLIENT_BODY_NONE, -1},
    /* Only the last answer counts. */
    {"HTTP/1.1 401 N\nContent-Length: 9\nHTTP/1.1 200 OK\nContent-Length: 5\n", 0,
     CLIENT_BODY_WHOLE, 5},
};

static void test_body(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        client_head_t head;

        feed(&head, cases[i].lines);
        CASE_INT(cases[i].lines, client_head_body(&head, cases[i].have, "\"e\""), cases[i].body);
        if (cases[i].body != CLIENT_BODY_NONE) {
            CASE_INT(cases[i].lines, client_head_total(&head), cases[i].total);
        }
    }
}

static void test_etag(void)
{
    static const struct {
        const char *line;
        const char *etag;
    } etags[] = {
        {"ETag: \"a-b\"", "\"a-b\""},
        {"etag:\"\" ", "\"\""},
        {"ETag: W/\"a\"", ""},
        {"ETag: a", ""},
        {"ETag: \"", ""},
        {"ETag: \"a\"b\"", ""},
        {"ETag: \"a b\"", ""},
        {"ETag:", ""},
    };
    char longest[CLIENT_ETAG_SIZE];
    client_head_t head;

    for (size_t i = 0; i < sizeof(etags) / sizeof(etags[0]); i++) {
        feed(&head, etags[i].line);
        CASE_STR(etags[i].line, head.etag, etags[i].etag);
    }
    memset(longest, '"', sizeof(longest));
    memset(longest + 1, 'a', sizeof(longest) - 3);
    CHECK(client_head_is_etag(longest, sizeof(longest) - 1));
    memset(longest + 1, 'a', sizeof(longest) - 2);
    CHECK(!client_head_is_etag(longest, sizeof(longest)));
}

static const suite_test_t tests[] = {
    {"where a body belongs", test_body},
    {"entity tags", test_etag},
};

void suite_client_head(void)
{
    SUITE_ADD("client_head", tests);
}
