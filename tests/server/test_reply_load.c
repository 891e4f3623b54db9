/* SPDX-License-Identifier: Apache-2.0 */

/* Many uploads, large ones, large replies, and what the directives do not take. */

#include "suites.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "files.h"
#include "reply.h"

static const char file[] = "1234567890";
enum { LENGTH = 10, MIB = 1024 * 1024 };

/** Sessions at once, and how long the application takes for each. */
enum { SESSIONS = 30, WORK_MILLISECONDS = 300 };

static void parallel(void)
{
    httpd_env_options_t options = {
        .server = "StartServers 1\nServerLimit 1\nThreadsPerChild 40\nMaxRequestWorkers 40\n"};
    backend_t *backend;
    httpd_env_t *env = reply_server(&backend, "Value", &options);
    upload_t ups[SESSIONS];
    apr_time_t start;
    int i;

    backend_tell(backend, &(backend_plan_t){.delay = WORK_MILLISECONDS, .body = 100});
    for (i = 0; i < SESSIONS; i++) {
        ups[i] = upload_another(env, httpd_env_format("/upload/%d.bin", i));
    }
    start = apr_time_now();
    for (i = 0; i < SESSIONS; i++) {
        reply_ask(&ups[i], file, LENGTH);
    }
    for (i = 0; i < SESSIONS; i++) {
        const wire_answer_t *answer = wire_read(ups[i].wire);

        CHECK_NEXT(answer, 200, LENGTH);
        reply_check_url(&ups[i], answer, 1);
    }
    /* One after the other it would be all of them together. */
    CHECK(apr_time_as_msec(apr_time_now() - start) < SESSIONS * WORK_MILLISECONDS / 2);
    CHECK_INT(backend_count(backend), SESSIONS);
    for (i = 0; i < SESSIONS; i++) {
        CHECK_ANSWER(wire_close(ups[i].wire, ups[i].path, ups[i].id), 200, NULL);
    }
}

/** A file and a reply that do not fit into memory that an httpd child should take, in MiB; how much
 * it may grow, in KiB. */
enum { FILE_MIB = 200, REPLY_MIB = 50, GROWTH_MAX = 4 * 1024 };

/** A child of the server, its largest memory, and the application. */
struct watch {
    backend_t *backend;
    int number;
    pid_t child;
    long most;
};

static int has_answered(void *baton)
{
    struct watch *watch = baton;
    long now = httpd_env_rss(watch->child);

    watch->most = now > watch->most ? now : watch->most;
    return backend_count(watch->backend) > watch->number &&
           backend_request(watch->backend, watch->number)->answered != 0;
}

/** Send a file that repeats a MiB. Returns its checksum. */
static unsigned long long send_large(const upload_t *up, const char *piece)
{
    const long long total = (long long)FILE_MIB * MIB;
    unsigned long long sum = 0;
    int i;

    wire_fragment_head(up->wire, up->path, up->id, 0, total, total);
    for (i = 0; i < FILE_MIB; i++) {
        wire_send_bytes(up->wire, piece, MIB);
        sum = backend_sum(sum, piece, MIB);
    }
    return sum;
}

static void memory(void)
{
    const char *preload = getenv("BGUPLOAD_PRELOAD");
    httpd_env_options_t options = {.server =
                                       "StartServers 1\nServerLimit 1\nMaxRequestWorkers 16\n"};
    reply_t reply;
    upload_t large;
    struct watch watch = {.number = 1};
    wire_t *wire;
    unsigned long long sum;
    long before;

    if (preload != NULL && *preload != '\0') {
        check_skip("memory is not measured in an instrumented server");
        return;
    }
    reply = reply_begin("Value", &options);
    watch.backend = reply.backend;
    REQUIRE(httpd_env_children(reply.up.env, &watch.child, 1) == 1);
    backend_tell(reply.backend, &(backend_plan_t){.body = 2 * MIB});
    CHECK_NEXT(reply_send(&reply.up, files_noise(2 * MIB, 50, httpd_env_pool()), 2 * MIB), 200,
               2 * MIB);
    reply_check_bytes(&reply.up, 2 * MIB);
    CHECK_ANSWER(wire_close(reply.up.wire, reply.up.path, reply.up.id), 200, NULL);
    before = httpd_env_rss(watch.child);
    backend_tell(reply.backend, &(backend_plan_t){.body = (long long)REPLY_MIB * MIB});
    large = upload_another(reply.up.env, "/upload/large.bin");
    sum = send_large(&large, files_noise(MIB, 51, httpd_env_pool()));
    CHECK(check_wait(has_answered, &watch, HTTPD_ENV_DEADLINE));
    CHECK_NEXT(wire_read_application(large.wire), 200, (long long)FILE_MIB * MIB);
    CHECK_INT(backend_request(reply.backend, 1)->length, (long long)FILE_MIB * MIB);
    CHECK(backend_request(reply.backend, 1)->sum == sum);
    wire = wire_connect(large.env);
    wire_send(wire, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", reply_path(&large));
    CHECK_INT(wire_read_any(wire)->body, (long long)REPLY_MIB * MIB);
    has_answered(&watch);
    if (watch.most - before > GROWTH_MAX) {
        CHECK_FAIL("the child grew from %ld to %ld KiB", before, watch.most);
    }
    CHECK_ANSWER(wire_close(large.wire, large.path, large.id), 200, NULL);
}

/** A reply of just that size, and of one byte more. */
static void max_reply(const char *by, backend_form_e form)
{
    reply_t reply = reply_begin_lines(by, "BGUploadMaxReply 1K\n");
    backend_plan_t plan = {.form = form, .body = 1025, .file = BACKEND_FILE, .file_size = 1025};

    backend_tell(reply.backend, &plan);
    CHECK_ANSWER(reply_send(&reply.up, file, LENGTH), 502, "0x801900C8");
    CHECK_INT(reply_status(reply.up.env, "GET", reply_path(&reply.up), NULL), 404);
    plan.body = 1024;
    plan.file_size = 1024;
    backend_tell(reply.backend, &plan);
    reply.up.wire = wire_connect(reply.up.env);
    CHECK_NEXT(reply_again(&reply.up, file, LENGTH), 200, LENGTH);
    reply_check_bytes(&reply.up, 1024);
    CHECK_ANSWER(wire_close(reply.up.wire, reply.up.path, reply.up.id), 200, NULL);
}

static void max_replies(void)
{
    max_reply("Reference", BACKEND_WHOLE);
    max_reply("Value", BACKEND_WHOLE);
    max_reply("Value", BACKEND_CHUNKED);
}

static void wrong_lines(void)
{
    static const char *const lines[][2] = {
        {"BGUploadNotify Sometimes", "None, Reference or Value"},
        {"BGUploadNotifyURL ftp://127.0.0.1/app", "URL"},
        {"BGUploadNotifyURL http://", "URL"},
        {"BGUploadNotifyURL http://127.0.0.1:99999/", "URL"},
        {"BGUploadNotifyURL \"http://two words/\"", "URL"},
        {"BGUploadNotifyURL file:///etc/passwd", "URL"},
        {"BGUploadNotifyCA /none/ca.pem", "file"},
        {"BGUploadNotifyTimeout soon", "time"},
        {"BGUploadNotifyTimeout 0", "time"},
        {"BGUploadMaxReply many", "size"},
    };
    size_t i;

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *line = apr_pstrcat(httpd_env_pool(), lines[i][0], "\n", NULL);
        httpd_env_options_t options = {.directory = line};
        const char *message = httpd_env_refused(&options);

        CHECK_HAS(message, apr_pstrmemdup(httpd_env_pool(), line, strcspn(line, " ")));
        CHECK_HAS(message, lines[i][1]);
    }
}

static void missing_url(void)
{
    httpd_env_options_t options = {.directory = "BGUploadNotify Reference\n"};

    CHECK_HAS(httpd_env_failed_start(&options), "BGUploadNotifyURL");
}

void suite_reply_load(void)
{
    static const suite_test_t tests[] = {
        {"30 sessions at once", parallel},
        {"memory with a large file and a large reply", memory},
        {"BGUploadMaxReply", max_replies},
        {"values that are refused", wrong_lines},
        {"BGUploadNotify without BGUploadNotifyURL", missing_url},
    };

    SUITE_ADD("reply_load", tests);
}
