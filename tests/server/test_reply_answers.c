/* SPDX-License-Identifier: Apache-2.0 */

/* Every answer that a server application may give (protocol: upload-reply). */

#include "suites.h"

#include <string.h>

#include <CUnit/TestRun.h>
#include <apr_strings.h>

#include "files.h"
#include "reply.h"

/** The file that is uploaded in all cases. */
static const char file[] = "12345";
enum { LENGTH = 5 };

/** An answer of the application and what the client hears. */
struct answer_case {
    const char *name;
    backend_plan_t plan;
    int status;
    const char *code; /**< NULL: accepted */
    const char *url;  /**< of a reply that the application keeps itself */
    int silent; /**< no answer began: on a connection that was used before it may be asked again */
    long long reply; /**< bytes of the reply that the server keeps; -1: there is none */
};

/** One file after the other: each case has a destination of its own. */
static upload_t begin_case(httpd_env_t *env)
{
    static int number;

    return upload_another(env, httpd_env_format("/upload/case%d.bin", number++));
}

/** An answer with which the upload is complete. */
static void check_accepted(const struct answer_case *each, const upload_t *up,
                           const wire_answer_t *answer)
{
    CHECK_NEXT(answer, 200, LENGTH);
    if (each->url != NULL) {
        CHECK_STR(wire_header(answer, "BITS-Reply-URL"), each->url);
        CHECK_INT(reply_status(up->env, "GET", reply_path(up), NULL), 404);
        return;
    }
    reply_check_url(up, answer, each->reply >= 0);
    if (each->reply >= 0) {
        reply_check_bytes(up, (size_t)each->reply);
    } else {
        CHECK_INT(reply_status(up->env, "GET", reply_path(up), NULL), 404);
    }
}

/** An answer with which it is not; the client tries again, and the application says yes. */
static void check_refused(const struct answer_case *each, backend_t *backend, const upload_t *up,
                          const wire_answer_t *answer)
{
    int count = backend_count(backend);
    int final = each->status == 403;
    upload_t next = *up;

    CHECK_ANSWER(answer, each->status, each->code);
    CHECK_STR(wire_header(answer, "BITS-Reply-URL"), NULL);
    CHECK_INT(reply_status(up->env, "GET", reply_path(up), NULL), 404);
    next.wire = wire_connect(up->env);
    backend_tell(backend, &(backend_plan_t){.body = 77, .file = BACKEND_FILE, .file_size = 77});
    answer = reply_again(&next, file, LENGTH);
    CHECK_INT(answer->status, final ? 403 : 200);
    CHECK_INT(backend_count(backend), count + (final ? 0 : 1));
    if (final) {
        CHECK_ANSWER(answer, each->status, each->code);
        CHECK_ANSWER(wire_cancel(next.wire, up->path, up->id), 200, NULL);
        return;
    }
    CHECK_NEXT(answer, 200, LENGTH);
    CHECK_INT(backend_request(backend, count)->length, LENGTH);
    CHECK(backend_request(backend, count)->sum == backend_sum(0, file, LENGTH));
    reply_check_url(up, answer, 1);
    reply_check_bytes(up, 77);
    CHECK_ANSWER(wire_close(next.wire, up->path, up->id), 200, NULL);
}

/** Wait until the application has sent all that it sends: bytes beyond the announced length, or the
 * end of the connection, may come after the server has its answer, and must not come after the next
 * notification. */
static void await_silence(backend_t *backend)
{
    int i;

    for (i = 0; i < backend_count(backend); i++) {
        backend_await_answered(backend, i);
    }
}

static void run_case(httpd_env_t *env, backend_t *backend, const struct answer_case *each)
{
    upload_t up = begin_case(env);
    int count = backend_count(backend);
    const wire_answer_t *answer;

    backend_tell(backend, &each->plan);
    answer = reply_send(&up, file, LENGTH);
    await_silence(backend);
    count = backend_count(backend) - count;
    CHECK(count == 1 || (count == 2 && each->silent));
    if (each->code == NULL) {
        check_accepted(each, &up, answer);
        CHECK_ANSWER(wire_close(up.wire, up.path, up.id), 200, NULL);
    } else {
        check_refused(each, backend, &up, answer);
    }
    CHECK(!files_exists(httpd_env_path(env, up.path)));
    CHECK_INT(httpd_env_spool_count(env), 0);
    CHECK_INT(reply_status(env, "GET", reply_path(&up), NULL), 404);
}

static void run(const char *by, const struct answer_case *cases, size_t count)
{
    backend_t *backend;
    httpd_env_t *env = reply_server(&backend, by, NULL);
    size_t i;

    for (i = 0; i < count; i++) {
        unsigned before = CU_get_number_of_failures();

        run_case(env, backend, &cases[i]);
        if (CU_get_number_of_failures() > before) {
            CHECK_FAIL("... in the case: %s, by %s", cases[i].name, by);
        }
    }
}

#define RUN(by, cases) run((by), (cases), sizeof(cases) / sizeof((cases)[0]))

#define OK "HTTP/1.1 200 OK\n"

/** By reference a body means nothing, and the file is the reply. */
static const struct answer_case by_reference[] = {
    {"200 without a file", {.answer = OK}, .reply = -1},
    {"200 with a body only", {.answer = OK, .body = 100}, .reply = -1},
    {"200 and a file", {.answer = OK, .file = BACKEND_FILE, .file_size = 1000}, .reply = 1000},
    {"an empty file", {.answer = OK, .file = BACKEND_FILE}, .reply = 0},
    {"a file and a body",
     {.answer = OK, .file = BACKEND_FILE, .file_size = 9, .body = 5000},
     .reply = 9},
    {"201", {.answer = "HTTP/1.1 201 Made\n", .file = BACKEND_FILE, .file_size = 9}, .reply = 9},
    {"202", {.answer = "HTTP/1.1 202 Soon\n", .file = BACKEND_FILE, .file_size = 9}, .reply = 9},
    {"204",
     {.answer = "HTTP/1.1 204 None\n\n",
      .form = BACKEND_AS_IS,
      .file = BACKEND_FILE,
      .file_size = 9},
     .reply = 9},
    {"HTTP/1.0, ended by closing",
     {.answer = "HTTP/1.0 200 OK\n", .form = BACKEND_TO_CLOSE, .file = BACKEND_FILE},
     .reply = 0},
    {"static URL",
     {.answer = OK "BITS-Static-Response-URL: http://else.where/a?b=c&d#e\n"},
     .url = "http://else.where/a?b=c&d#e",
     .reply = -1},
    {"static URL, small letters, spaces",
     {.answer = OK "bits-static-response-url:   https://else.where/%7Bx%7D  \n"},
     .url = "https://else.where/%7Bx%7D",
     .reply = -1},
    {"static URL and a file",
     {.answer = OK "BITS-Static-Response-URL: http://else.where/\n",
      .file = BACKEND_FILE,
      .file_size = 9},
     .url = "http://else.where/",
     .reply = -1},
    {"a symbolic link as reply",
     {.answer = OK, .file = BACKEND_SYMLINK, .target = "/etc/passwd"},
     .status = 502,
     .code = "0x801900C8"},
    {"a folder as reply",
     {.answer = OK, .file = BACKEND_FOLDER},
     .status = 502,
     .code = "0x801900C8"},
};

/** By value the body is the reply. */
static const struct answer_case by_value[] = {
    {"200 without a body", {.answer = OK}, .reply = -1},
    {"200 with a body", {.answer = OK, .body = 1000}, .reply = 1000},
    {"200 with a large body", {.answer = OK, .body = 3000000}, .reply = 3000000},
    {"a body ended by closing", {.form = BACKEND_TO_CLOSE, .body = 1000}, .reply = 1000},
    {"no body, ended by closing", {.form = BACKEND_TO_CLOSE}, .reply = -1},
    {"HTTP/1.0",
     {.answer = "HTTP/1.0 200 OK\n", .form = BACKEND_TO_CLOSE, .body = 10},
     .reply = 10},
    {"chunks", {.form = BACKEND_CHUNKED, .body = 70000}, .reply = 70000},
    {"more bytes than announced", {.form = BACKEND_EXCESS, .body = 1000}, .reply = 500},
    {"201", {.answer = "HTTP/1.1 201 Made\n", .body = 9}, .reply = 9},
    {"202", {.answer = "HTTP/1.1 202 Soon\n", .body = 9}, .reply = 9},
    {"204", {.answer = "HTTP/1.1 204 None\n\n", .form = BACKEND_AS_IS}, .reply = -1},
    {"an interim answer before",
     {.answer = "HTTP/1.1 102 Wait\nBITS-Static-Response-URL: http://no.where/\n\n" OK, .body = 9},
     .reply = 9},
    {"static URL",
     {.answer = OK "BITS-Static-Response-URL: http://else.where/a?b=c&d#e\n"},
     .url = "http://else.where/a?b=c&d#e",
     .reply = -1},
    {"static URL and a body",
     {.answer = OK "BITS-Static-Response-URL: http://else.where/\n", .body = 1000},
     .url = "http://else.where/",
     .reply = -1},
};

/** Refusals, however the application got the file. */
static const struct answer_case refusals[] = {
    {"400", {.answer = "HTTP/1.1 400 Bad\n", .body = 100}, .status = 400, .code = "0x80190190"},
    {"402", {.answer = "HTTP/1.1 402 Pay\n"}, .status = 402, .code = "0x80190192"},
    {"403", {.answer = "HTTP/1.1 403 No\n", .body = 100}, .status = 403, .code = "0x80190193"},
    {"404", {.answer = "HTTP/1.1 404 Gone\n", .body = 100}, .status = 404, .code = "0x80190194"},
    {"404 after it left a reply",
     {.answer = "HTTP/1.1 404 Gone\n", .file = BACKEND_FILE, .file_size = 9},
     .status = 404,
     .code = "0x80190194"},
    {"404 with a static URL",
     {.answer = "HTTP/1.1 404 Gone\nBITS-Static-Response-URL: http://no.where/\n"},
     .status = 404,
     .code = "0x80190194"},
    {"408", {.answer = "HTTP/1.1 408 Slow\n"}, .status = 408, .code = "0x80190198"},
    {"409", {.answer = "HTTP/1.1 409 Conflict\n"}, .status = 409, .code = "0x80190199"},
    {"410", {.answer = "HTTP/1.1 410 Gone\n"}, .status = 410, .code = "0x8019019A"},
    {"411", {.answer = "HTTP/1.1 411 Length\n"}, .status = 411, .code = "0x8019019B"},
    {"418, which httpd has no name for",
     {.answer = "HTTP/1.1 418 Teapot\n"},
     .status = 418,
     .code = "0x801901A2"},
    {"429", {.answer = "HTTP/1.1 429 Many\n"}, .status = 429, .code = "0x801901AD"},
    {"499", {.answer = "HTTP/1.1 499 Odd\n"}, .status = 499, .code = "0x801901F3"},
    {"500", {.answer = "HTTP/1.1 500 Oh\n", .body = 100000}, .status = 500, .code = "0x801901F4"},
    {"501", {.answer = "HTTP/1.1 501 Not\n"}, .status = 501, .code = "0x801901F5"},
    {"502", {.answer = "HTTP/1.1 502 Bad\n"}, .status = 502, .code = "0x801901F6"},
    {"503",
     {.answer = "HTTP/1.1 503 Busy\nRetry-After: 99\n"},
     .status = 503,
     .code = "0x801901F7"},
    {"504", {.answer = "HTTP/1.1 504 Late\n"}, .status = 504, .code = "0x801901F8"},
    {"505", {.answer = "HTTP/1.1 505 No\n"}, .status = 505, .code = "0x801901F9"},
    {"599", {.answer = "HTTP/1.1 599 Odd\n"}, .status = 599, .code = "0x80190257"},
};

/** What would mean something else to the client, and what is no answer. */
static const struct answer_case broken[] = {
    {"401",
     {.answer = "HTTP/1.1 401 Who\nWWW-Authenticate: Basic realm=x\n"},
     .status = 502,
     .code = "0x80190191"},
    {"407",
     {.answer = "HTTP/1.1 407 Who\nProxy-Authenticate: Basic realm=x\n"},
     .status = 502,
     .code = "0x80190197"},
    {"413", {.answer = "HTTP/1.1 413 Large\n"}, .status = 502, .code = "0x8019019D"},
    {"416", {.answer = "HTTP/1.1 416 Range\n"}, .status = 502, .code = "0x801901A0"},
    {"203", {.answer = "HTTP/1.1 203 Other\n", .body = 10}, .status = 502, .code = "0x801900CB"},
    {"205", {.answer = "HTTP/1.1 205 Reset\n"}, .status = 502, .code = "0x801900CD"},
    {"206",
     {.answer = "HTTP/1.1 206 Part\nContent-Range: bytes 0-9/10\n", .body = 10},
     .status = 502,
     .code = "0x801900CE"},
    {"300", {.answer = "HTTP/1.1 300 Many\n"}, .status = 502, .code = "0x8019012C"},
    {"301",
     {.answer = "HTTP/1.1 301 There\nLocation: /else\n"},
     .status = 502,
     .code = "0x8019012D"},
    {"302",
     {.answer = "HTTP/1.1 302 There\nLocation: /else\n"},
     .status = 502,
     .code = "0x8019012E"},
    {"304",
     {.answer = "HTTP/1.1 304 Same\n\n", .form = BACKEND_AS_IS},
     .status = 502,
     .code = "0x80190130"},
    {"307",
     {.answer = "HTTP/1.1 307 There\nLocation: /else\n"},
     .status = 502,
     .code = "0x80190133"},
    {"100 and no more",
     {.answer = "HTTP/1.1 100 Go\n\n", .form = BACKEND_AS_IS},
     .status = 502,
     .code = "0x80190064"},
    {"600", {.answer = "HTTP/1.1 600 Odd\n"}, .status = 502, .code = "0x80190258"},
    {"200, broken off in a header",
     {.answer = "HTTP/1.1 200 OK\nBITS-Static-Resp", .form = BACKEND_AS_IS, .file = BACKEND_FILE},
     .status = 502,
     .code = "0x801900C8"},
    {"200, broken off in the body",
     {.form = BACKEND_CUT_BODY, .body = 3000, .file = BACKEND_FILE},
     .status = 502,
     .code = "0x801900C8"},
    {"200, broken off in a chunk",
     {.form = BACKEND_CUT_CHUNK, .body = 3000, .file = BACKEND_FILE},
     .status = 502,
     .code = "0x801900C8"},
    {"404, broken off in the body",
     {.answer = "HTTP/1.1 404 Gone\n", .form = BACKEND_CUT_BODY, .body = 3000},
     .status = 502,
     .code = "0x80190194"},
    {"nothing",
     {.answer = "", .form = BACKEND_AS_IS, .file = BACKEND_FILE},
     .status = 502,
     .code = "0x801901F6",
     .silent = 1},
    {"garbage",
     {.answer = "GARBAGE\n\n", .form = BACKEND_AS_IS},
     .status = 502,
     .code = "0x801901F6"},
    {"a status that is no number",
     {.answer = "HTTP/1.1 two OK\n"},
     .status = 502,
     .code = "0x801901F6"},
    {"half a status",
     {.answer = "HTTP/1.1 20", .form = BACKEND_AS_IS},
     .status = 502,
     .code = "0x801901F6",
     .silent = 1},
    {"HTTP/0.9", {.answer = "hello", .form = BACKEND_AS_IS}, .status = 502, .code = "0x801901F6"},
    {"1 MiB of headers",
     {.form = BACKEND_MANY_LINES, .file = BACKEND_FILE},
     .status = 502,
     .code = "0x801900C8"},
    {"headers without end",
     {.form = BACKEND_ENDLESS, .file = BACKEND_FILE},
     .status = 502,
     .code = "0x801900C8"},
    {"a static URL that is none",
     {.answer = OK "BITS-Static-Response-URL: else/where\n"},
     .status = 502,
     .code = "0x801900C8"},
};

static void accepted_by_reference(void)
{
    RUN("Reference", by_reference);
}

static void accepted_by_value(void)
{
    RUN("Value", by_value);
}

static void refused_by_reference(void)
{
    RUN("Reference", refusals);
}

static void refused_by_value(void)
{
    RUN("Value", refusals);
}

static void broken_by_reference(void)
{
    RUN("Reference", broken);
}

static void broken_by_value(void)
{
    RUN("Value", broken);
}

/** An application's own URL of exactly so many characters. */
static void long_url(const char *by)
{
    backend_t *backend;
    httpd_env_t *env = reply_server(&backend, by, NULL);
    char *url = apr_palloc(httpd_env_pool(), 2202);
    struct answer_case longest = {.name = "2,200 characters", .reply = -1};
    struct answer_case longer = {
        .name = "2,201 characters", .status = 400, .code = "0x80070057", .reply = -1};

    memset(url, 'x', 2202);
    memcpy(url, "http://else.where/", strlen("http://else.where/"));
    url[2201] = '\0';
    longer.plan.answer =
        apr_pstrcat(httpd_env_pool(), OK "BITS-Static-Response-URL: ", url, "\n", NULL);
    run_case(env, backend, &longer);
    url[2200] = '\0';
    longest.plan.answer =
        apr_pstrcat(httpd_env_pool(), OK "BITS-Static-Response-URL: ", url, "\n", NULL);
    longest.url = url;
    run_case(env, backend, &longest);
}

static void long_urls(void)
{
    long_url("Reference");
    long_url("Value");
}

void suite_reply_answers(void)
{
    static const suite_test_t tests[] = {
        {"accepted by reference", accepted_by_reference},
        {"accepted by value", accepted_by_value},
        {"refused by reference", refused_by_reference},
        {"refused by value", refused_by_value},
        {"broken by reference", broken_by_reference},
        {"broken by value", broken_by_value},
        {"static URLs of 2,200 characters and more", long_urls},
    };

    SUITE_ADD("reply_answers", tests);
}
